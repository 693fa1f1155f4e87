"""Every mistake that is seeded."""

from tests.deploy.faults import identity, outside, running
from tests.deploy.faults.fault import Faults

FAULTS: Faults = [
    *running.CUSTOM,
    *identity.REFERENCES,
    *identity.IDENTITY,
    *identity.SECRETS,
    *outside.SETTINGS,
    *outside.ROUTES,
    *running.LIFECYCLE,
    *running.CAPACITY,
    *running.TRAFFIC,
    *running.IMAGES,
]
