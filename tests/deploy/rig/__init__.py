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
    outside      the rest of the world: people, an identity provider, MCP servers
    cluster      all of it together

It needs root, and Debian's iproute2, nftables, bubblewrap, util-linux, nginx-light and redis-server. Nothing outside of
the namespaces is changed: no address, no route, no rule of the machine's own network.

What it does not do: resource limits, seccomp profiles, scheduling, DNS (names are in each pod's /etc/hosts), UDP.
"""
