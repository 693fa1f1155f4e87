"""The ways in which clients come to be known, one file each."""
