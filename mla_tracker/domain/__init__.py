"""The law, pure: values and functions of the standard library that would still be true on paper."""
