"""The verdict on a file: what is to be done, its run, the facts for the rules, the report."""
