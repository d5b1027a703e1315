"""A gRPC service and its client, without generated code: messages are bytes.

usage: greeter.py serve PORT
       greeter.py call Unary|Stream|Chat|Abort|... ADDRESS AUTHORITY [CA]      prints what came back, then the status
"""
import queue
import sys
from concurrent import futures

import grpc

SERVICE = "/interop.Greeter/"
TIMEOUT_SECONDS = 10
ROUNDS = 20


class Greeter(grpc.GenericRpcHandler):
    """Every method answers with what it was sent."""

    def service(self, call):
        return {
            SERVICE + "Unary": grpc.unary_unary_rpc_method_handler(lambda message, _: message),
            SERVICE + "Stream": grpc.unary_stream_rpc_method_handler(lambda message, _: (b"%s %d" % (message, i) for i in range(ROUNDS))),
            SERVICE + "Chat": grpc.stream_stream_rpc_method_handler(lambda messages, _: messages),
            SERVICE + "Abort": grpc.unary_unary_rpc_method_handler(abort),
        }.get(call.method)


def abort(_, context):
    context.abort(grpc.StatusCode.FAILED_PRECONDITION, "the service's own no")


def serve(port):
    server = grpc.server(futures.ThreadPoolExecutor(4), handlers=[Greeter()])
    server.add_insecure_port(f"127.0.0.1:{port}")
    server.start()
    server.wait_for_termination()


def call(method, address, authority, ca=None):
    options = [("grpc.default_authority", authority), ("grpc.ssl_target_name_override", authority), ("grpc.enable_retries", 0)]
    if ca:
        with open(ca, "rb") as roots:
            channel = grpc.secure_channel(address, grpc.ssl_channel_credentials(roots.read()), options[1:])
    else:
        channel = grpc.insecure_channel(address, options[:1] + options[2:])
    kinds = {"Stream": stream, "Chat": chat}
    try:
        for message in kinds.get(method, unary)(channel, SERVICE + method):
            print(message.decode())
        print("OK")
    except grpc.RpcError as error:
        print(error.code().name)


def unary(channel, path):
    yield channel.unary_unary(path)(b"hello", timeout=TIMEOUT_SECONDS)


def stream(channel, path):
    yield from channel.unary_stream(path)(b"hello", timeout=TIMEOUT_SECONDS)


def chat(channel, path):
    """Each message waits for the answer to the one before: whoever buffers the stream stops it."""
    messages = queue.Queue()
    answers = channel.stream_stream(path)(iter(messages.get, None), timeout=TIMEOUT_SECONDS)
    for number in range(ROUNDS):
        messages.put(b"message %d" % number)
        yield next(answers)
    messages.put(None)
    if left := list(answers):
        raise SystemExit(f"{len(left)} answers too many")


if __name__ == "__main__":
    serve(sys.argv[2]) if sys.argv[1] == "serve" else call(*sys.argv[2:])
