"""A cluster without Kubernetes: rendered manifests, unaltered, as processes of this machine.

What a cluster does with them is done here in small, in the order in which one meets it:

    manifests    the objects of a rendered overlay
    run          the names of everything that is made, and the end of what a killed run left behind
    network      a network namespace for every pod, and one for the node that they are all connected to
    volumes      ConfigMaps, Secrets, emptyDirs and claims as files of the right owner and mode
    environment  a container's variables
    sandbox      a container: its own root, read-only, the manifest's user, no capabilities, no new privileges
    probes       httpGet and exec
    pods         the life of a pod: start, probe, restart, preStop, SIGTERM, grace, SIGKILL
    services     Services as nftables DNAT to a random endpoint
    policies     NetworkPolicies as nftables filters
    controllers  Deployments and StatefulSets: replicas, rollouts, rolling restarts
    ingress      Ingresses as an nginx
    placement    pods of templates
    cluster      all of it together

and around an overlay,

    overlays       as they are rendered, with the Secrets that the README makes
    images         what stands for images: the programs of this checkout, and Debian's
    surroundings   an identity provider, an ingress controller
    managed_redis  a Redis outside, behind Sentinels or as a Cluster
    internet       people's way there
    installation   all of it together

It needs root, and Debian's iproute2, nftables, bubblewrap, util-linux, nginx-light and redis-server. Nothing outside of
the namespaces is changed: no address, no route, no rule of the machine's own network.

What it does not do: resource limits, seccomp profiles, scheduling, DNS (names are in each pod's /etc/hosts), UDP.
"""
