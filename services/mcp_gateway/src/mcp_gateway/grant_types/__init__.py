"""The token endpoint's grant types, one file each. Metadata is generated from the table that `app` makes of them."""
