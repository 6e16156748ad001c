"""How an answer is obtained: front ends, plan, run, stitch, encode, back ends."""
