"""Data that ships with the product, and its loaders: limits, conventions, countries, holiday calendars."""
