"""The edge: what the gateways, load balancers and browsers in front of us say, and which of it is believed."""
