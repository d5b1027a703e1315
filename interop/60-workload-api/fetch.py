"""What Python's `spiffe` says of a Workload API: fetch.py SOCKET ROTATION_SECONDS [chain]."""

import base64
import sys
import threading
import time

import grpc
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from spiffe import JwtSvid, WorkloadApiClient
from spiffe._proto import workload_pb2, workload_pb2_grpc

socket, seconds = sys.argv[1], int(sys.argv[2])


def key(svid):
    return svid.private_key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())


def code(call):
    """The status with which a call ends."""
    try:
        for _ in call():
            pass
        return "OK"
    except grpc.RpcError as error:
        return error.code().name


def main():
    client = WorkloadApiClient(f"unix://{socket}")
    try:
        first = client.fetch_x509_svid(timeout=10)
    except Exception as error:  # The library's own exceptions keep the status as text.
        channel = grpc.insecure_channel(f"unix://{socket}")
        stub = workload_pb2_grpc.SpiffeWorkloadAPIStub(channel)
        metadata = [("workload.spiffe.io", "true")]
        print(code(lambda: stub.FetchX509SVID(workload_pb2.X509SVIDRequest(), metadata=metadata, timeout=10)), error)
        sys.exit(1)
    if "chain" in sys.argv:
        for certificate in first.cert_chain:
            print(certificate.public_bytes(Encoding.PEM).decode(), end="")
        return
    print("id", first.spiffe_id)
    if seconds == 0:
        return
    context = client.fetch_x509_context(timeout=10)
    for bundle in context.x509_bundle_set.bundles:
        print("bundle", bundle.trust_domain, len(bundle.x509_authorities))
    for bundle in client.fetch_x509_bundles(timeout=10).bundles:
        print("bundles", bundle.trust_domain)
    refusals()
    tokens(client, first.spiffe_id)
    rotated = threading.Event()

    def changed(context):
        svid = context.default_svid
        if svid.leaf.serial_number != first.leaf.serial_number and not rotated.is_set():
            print("rotated new-serial", "new-key" if key(svid) != key(first) else "old-key")
            rotated.set()

    watch = client.stream_x509_contexts(changed, lambda error: print("error", error))
    if not rotated.wait(seconds):
        print("no rotation")
    watch.cancel()


def tokens(client, me):
    """JWT-SVIDs: fetched, verified here with the streamed keys, and by the Workload API; then what it refuses."""
    token = client.fetch_jwt_svid({"echo", "other"}, timeout=10)
    print("jwt", token.spiffe_id, sorted(token.audience), int(token.expiry - time.time()) in range(140, 301))
    print("jwt again", "kept" if client.fetch_jwt_svid({"echo", "other"}, timeout=10).token == token.token else "another")
    bundle = client.fetch_jwt_bundles(timeout=10).get_bundle_for_trust_domain(me.trust_domain)
    print("jwt bundle", bundle.trust_domain, JwtSvid.parse_and_validate(token.token, bundle, {"echo"}).spiffe_id)
    print("jwt validated", client.validate_jwt_svid(token.token, "echo", timeout=10).spiffe_id)
    channel = grpc.insecure_channel(f"unix://{socket}")
    stub = workload_pb2_grpc.SpiffeWorkloadAPIStub(channel)
    metadata = [("workload.spiffe.io", "true")]

    def call(method, request):
        return code(lambda: [method(request, metadata=metadata, timeout=10)])

    def validated(audience, text):
        return call(stub.ValidateJWTSVID, workload_pb2.ValidateJWTSVIDRequest(audience=audience, svid=text))

    head, claims, signature = token.token.split(".")
    unpadded = base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4))
    forged = base64.urlsafe_b64encode(unpadded.replace(b"scripted", b"caller")).decode().rstrip("=")
    foreign = base64.urlsafe_b64encode(unpadded.replace(b"interop.test", b"foreign.test")).decode().rstrip("=")
    print("jwt good", validated("echo", token.token))
    print("jwt elsewhere", validated("elsewhere", token.token))
    print("jwt forged", validated("echo", f"{head}.{forged}.{signature}"))
    print("jwt foreign", validated("echo", f"{head}.{foreign}.{signature}"))
    print("jwt unsigned", validated("echo", f"{head}.{claims}."))
    other = str(me).replace("scripted", "caller")
    print("jwt of another", call(stub.FetchJWTSVID, workload_pb2.JWTSVIDRequest(audience=["echo"], spiffe_id=other)))
    print("jwt for nobody", call(stub.FetchJWTSVID, workload_pb2.JWTSVIDRequest(audience=[])))
    print("jwt for too many", call(stub.FetchJWTSVID, workload_pb2.JWTSVIDRequest(audience=["\1" * 1000] * 16)))


def refusals():
    channel = grpc.insecure_channel(f"unix://{socket}")
    metadata = [("workload.spiffe.io", "true")]
    stub = workload_pb2_grpc.SpiffeWorkloadAPIStub(channel)
    print("bare", code(lambda: stub.FetchX509SVID(workload_pb2.X509SVIDRequest(), timeout=10)))

    def raw(method, data):
        call = channel.unary_stream(f"/SpiffeWorkloadAPI/{method}", request_serializer=None, response_deserializer=None)
        return code(lambda: call(data, metadata=metadata, timeout=10))

    print("unknown", raw("FetchEverything", b""))
    print("garbage", raw("FetchJWTSVID", b"\xff\xff\xff"))
    print("large", raw("FetchX509SVID", bytes(1024 * 1024)))


main()
