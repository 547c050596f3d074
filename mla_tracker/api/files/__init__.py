"""Files of records, in and out: CSV and NDJSON, as docs/imports.md describes them."""
