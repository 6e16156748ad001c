"""Who sees what: the policy language, its compilation, masks, the gate, explanation. Pure: no I/O."""
