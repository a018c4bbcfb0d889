"""Events: what happened to accounts, published in the log of their App Space."""
