"""A channel to the server: in the clear, or over TLS if MILLSTREAM_CA names a file with the certificates to trust."""

import os

import grpc


def connect(address):
    trusted = os.environ.get("MILLSTREAM_CA")
    if trusted is None:
        return grpc.insecure_channel(address)
    with open(trusted, "rb") as file:
        return grpc.secure_channel(address, grpc.ssl_channel_credentials(file.read()))
