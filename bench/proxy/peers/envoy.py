"""Envoy as the benches measure it: one worker, no access log, no resumption; the edge, or either end of a mesh hop."""

TYPE = "type.googleapis.com/envoy.extensions."
FILTERS = TYPE + "filters.http."
MANAGER = TYPE + "filters.network.http_connection_manager.v3.HttpConnectionManager"
TLS = TYPE + "transport_sockets.tls.v3."


def config(part, certs, ports, issuer):
    """The bootstrap for `part`: "edge", "mesh-a" (plaintext in, mTLS out) or "mesh-b" (mTLS in, plaintext out)."""
    origin = cluster("origin", ports["origin"])
    if part == "mesh-a":
        listeners, clusters = [listener("caller", ports["mesh"], "hop")], [cluster("hop", ports["hop"], certs)]
    elif part == "mesh-b":
        listeners, clusters = [listener("hop", ports["hop"], "origin", server_tls(certs, mutual=True))], [origin]
    else:
        tls = server_tls(certs)
        listeners, clusters = [
            listener("plain", ports["plain"], "origin"),
            listener("tls", ports["tls"], "origin", tls),
            listener("token", ports["token"], "origin", tls, jwt(certs, issuer, cached=False)),
            listener("token-cached", ports["token_cached"], "origin", tls, jwt(certs, issuer, cached=True)),
        ], [origin]
    runtime = {"name": "static", "static_layer": {"overload": {"global_downstream_max_connections": 50000}}}
    return {"static_resources": {"listeners": listeners, "clusters": clusters}, "layered_runtime": {"layers": [runtime]}}


def address(port):
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}


def listener(name, port, to, tls=None, first_filter=None):
    router = {"name": "router", "typed_config": {"@type": FILTERS + "router.v3.Router", "suppress_envoy_headers": True, "dynamic_stats": False}}
    routes = [{"match": {"prefix": "/"}, "route": {"cluster": to, "timeout": "0s"}}]
    manager = {
        "@type": MANAGER, "stat_prefix": name, "codec_type": "HTTP1", "generate_request_id": False, "use_remote_address": True,
        "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": routes}]},
        "http_filters": [first_filter, router] if first_filter else [router],
    }
    chain = {"filters": [{"name": "http", "typed_config": manager}]}
    if tls:
        chain["transport_socket"] = {"name": "tls", "typed_config": tls}
    return {"name": name, "address": address(port), "filter_chains": [chain], "tcp_backlog_size": 4096}


def cluster(name, port, mtls_certs=None):
    endpoints = [{"lb_endpoints": [{"endpoint": {"address": address(port)}}]}]
    made = {
        "name": name, "type": "STATIC", "connect_timeout": "2s", "load_assignment": {"cluster_name": name, "endpoints": endpoints},
        "circuit_breakers": {"thresholds": [{"max_connections": 4096, "max_pending_requests": 4096, "max_requests": 65536}]},
    }
    if mtls_certs:
        client = {"@type": TLS + "UpstreamTlsContext", "common_tls_context": common_tls(mtls_certs, mutual=True), "sni": "localhost"}
        made["transport_socket"] = {"name": "tls", "typed_config": client}
    return made


def server_tls(certs, mutual=False):
    made = {"@type": TLS + "DownstreamTlsContext", "common_tls_context": common_tls(certs, mutual), "disable_stateless_session_resumption": True}
    return made | ({"require_client_certificate": True} if mutual else {})


def common_tls(certs, mutual):
    made = {
        "tls_params": {"tls_minimum_protocol_version": "TLSv1_3", "tls_maximum_protocol_version": "TLSv1_3", "ecdh_curves": ["X25519"]},
        "tls_certificates": [{"certificate_chain": {"filename": f"{certs}/server.pem"}, "private_key": {"filename": f"{certs}/server.key"}}],
        "alpn_protocols": ["http/1.1"],
    }
    return made | ({"validation_context": {"trusted_ca": {"filename": f"{certs}/ca.pem"}}} if mutual else {})


def jwt(certs, issuer, cached):
    provider = {"issuer": issuer, "local_jwks": {"filename": f"{certs}/jwks.json"}, "forward": True}
    if cached:
        provider["jwt_cache_config"] = {"jwt_cache_size": 1000}
    rules = [{"match": {"prefix": "/"}, "requires": {"provider_name": "issuer"}}]
    typed = {"@type": FILTERS + "jwt_authn.v3.JwtAuthentication", "providers": {"issuer": provider}, "rules": rules}
    return {"name": "jwt", "typed_config": typed}
