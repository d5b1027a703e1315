"""Everything secret that a run needs, made anew for it: a certificate authority, a server certificate, a token key, a token."""
import base64
import datetime as dt
import ipaddress
import json
import os
import time

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

LIFETIME = dt.timedelta(days=1)
# wrk and h2load read this through OPENSSL_CONF, so that every proxy does the same cryptography.
CLIENT_OPENSSL = """openssl_conf = top
[top]
ssl_conf = ssl
[ssl]
system_default = client
[client]
MinProtocol = TLSv1.3
Ciphersuites = TLS_AES_128_GCM_SHA256
Groups = X25519
"""


def make(directory, issuer, audience):
    """Writes ca.pem, server.pem, server.key, server-bundle.pem, jwks.json, token.pub.pem, token and client-openssl.cnf."""
    os.makedirs(directory, mode=0o700, exist_ok=True)
    authority_key, server_key, token_key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(3))
    authority = certificate("bench authority", authority_key, "bench authority", authority_key, [], is_authority=True)
    names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    server = certificate("localhost", server_key, "bench authority", authority_key, names, is_authority=False)
    pem = serialization.Encoding.PEM
    key = server_key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    public = token_key.public_key().public_bytes(pem, serialization.PublicFormat.SubjectPublicKeyInfo)
    files = {
        "ca.pem": authority.public_bytes(pem), "server.pem": server.public_bytes(pem), "server.key": key,
        "server-bundle.pem": server.public_bytes(pem) + key, "token.pub.pem": public,
        "jwks.json": json.dumps(jwks(token_key)).encode(), "token": token(token_key, issuer, audience).encode(),
        "client-openssl.cnf": CLIENT_OPENSSL.encode(),
    }
    for name, content in files.items():
        with open(os.open(f"{directory}/{name}", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(content)


def certificate(subject, key, issuer, issuer_key, names, is_authority):
    now = dt.datetime.now(dt.timezone.utc)
    name = lambda text: x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])
    builder = (
        x509.CertificateBuilder().subject_name(name(subject)).issuer_name(name(issuer)).public_key(key.public_key())
        .serial_number(x509.random_serial_number()).not_valid_before(now - dt.timedelta(minutes=5)).not_valid_after(now + LIFETIME)
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), True)
    )
    if names:
        usages = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
        builder = builder.add_extension(x509.SubjectAlternativeName(names), False).add_extension(x509.ExtendedKeyUsage(usages), False)
    return builder.sign(issuer_key, hashes.SHA256())


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def jwks(key):
    numbers = key.public_key().public_numbers()
    x, y = (base64url(number.to_bytes(32, "big")) for number in (numbers.x, numbers.y))
    return {"keys": [{"kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "kid": "bench", "x": x, "y": y}]}


def token(key, issuer, audience):
    now = int(time.time())
    header = {"alg": "ES256", "typ": "at+jwt", "kid": "bench"}
    claims = {"iss": issuer, "aud": audience, "sub": "user-1", "scope": "read write", "iat": now, "exp": now + int(LIFETIME.total_seconds())}
    signed = ".".join(base64url(json.dumps(part, separators=(",", ":")).encode()) for part in (header, claims))
    r, s = utils.decode_dss_signature(key.sign(signed.encode(), ec.ECDSA(hashes.SHA256())))
    return f"{signed}.{base64url(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"
