"""A TCP service that sends back every line. usage: ledger.py PORT"""
import socketserver
import sys


class Ledger(socketserver.StreamRequestHandler):
    def handle(self):
        for line in self.rfile:
            self.wfile.write(line)


socketserver.ThreadingTCPServer(("127.0.0.1", int(sys.argv[1])), Ledger).serve_forever()
