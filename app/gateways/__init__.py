"""Configuration for the gateways in front of us, made from the catalog: one file for each kind, over one `Facing`."""
