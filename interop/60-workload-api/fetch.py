"""What Python's `spiffe` says of a Workload API: fetch.py SOCKET ROTATION_SECONDS [chain]."""

import sys
import threading

import grpc
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from spiffe import WorkloadApiClient
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
