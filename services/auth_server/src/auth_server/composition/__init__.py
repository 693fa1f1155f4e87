"""What is built of what; `app` puts it together."""
