"""Which command runs when, on how many nodes whatsoever, and the record of the runs."""
