"""The gateway's conversations, one file each."""
