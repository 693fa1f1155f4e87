"""`make image-test`: build the images on a base made here, and sign in through what Compose makes of them.

It needs no container engine that runs already, no registry of images and no account: Debian's packages, and root.
"""
