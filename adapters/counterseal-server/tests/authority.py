"""An authority of the tests, and a server on loopback with a certificate that it has issued."""

import datetime as dt
import ipaddress
import json
import ssl
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import NameOID

DAY = dt.timedelta(days=1)
PEM = Encoding.PEM


def now():
    return dt.datetime.now(dt.UTC)


class Authority:
    """
    An authority with a certificate of its own.

    Args:
        name: Its common name.
        begins, ends: Days from now, between which its certificate is valid.
        issuer: Another authority, which makes this one an intermediate authority.
    """

    def __init__(self, name="Test CA", *, begins=-1, ends=365, issuer=None):
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._issuer = issuer or self
        self.certificate = self._issuer.sign(self.name, self._key, begins, ends, is_authority=True)
        self.pem = self.certificate.public_bytes(PEM)

    def sign(self, name, key, begins, ends, *, is_authority=False, names=()):
        usage = dict.fromkeys(
            (
                *("content_commitment", "key_encipherment", "data_encipherment", "key_agreement"),
                *("encipher_only", "decipher_only", "digital_signature"),
            ),
            False,
        )
        usage |= {"key_cert_sign": is_authority, "crl_sign": is_authority}
        usage["digital_signature"] = not is_authority
        subject_key = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
        own_key = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        builder = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(self.name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now() + begins * DAY)
            .not_valid_after(now() + ends * DAY)
            .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
            .add_extension(x509.KeyUsage(**usage), critical=True)
            .add_extension(subject_key, critical=False)
            .add_extension(own_key, critical=False)
        )
        if names:
            alternatives = x509.SubjectAlternativeName([_alternative(text) for text in names])
            builder = builder.add_extension(alternatives, critical=False)
        return builder.sign(self._key, hashes.SHA256())

    def issue(self, folder, *names, begins=-1, ends=90):
        """Write a server's certificate and key to *folder*; return the server's TLS context."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a server")])
        certificate = self.sign(name, key, begins, ends, names=names)
        chain = certificate.public_bytes(PEM)
        if self._issuer is not self:
            chain += self.pem
        file = folder / f"{certificate.serial_number}.pem"
        file.write_bytes(chain + key.private_bytes(PEM, PrivateFormat.PKCS8, NoEncryption()))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        return context


def _alternative(text):
    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        return x509.DNSName(text)


class TlsSite:
    """
    An HTTPS server that replies to each path what a test has set.

    Attributes:
        replies: The status and the JSON of a reply, by path.
        requests: The paths that were requested.
    """

    def __init__(self, context, name="localhost"):
        self.replies, self.requests = {}, []
        site = self

        class Handler(BaseHTTPRequestHandler):
            timeout = 60

            def do_POST(self):
                self.rfile.read(int(self.headers.get("Content-Length", "0")))
                site.requests.append(self.path)
                status, document = site.replies.get(self.path, (404, {}))
                body = document if isinstance(document, bytes) else json.dumps(document).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_HEAD = do_POST  # noqa: N815 (the server's names)

            def log_message(self, *_):
                pass

        class Server(ThreadingHTTPServer):
            def handle_error(self, *_):
                """Ignore clients that refuse the certificate."""

        self._server = Server(("127.0.0.1", 0), Handler)
        self._server.socket = context.wrap_socket(
            self._server.socket, server_side=True, do_handshake_on_connect=False
        )
        self.port = self._server.server_port
        self.url = f"https://{name}:{self.port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@contextmanager
def tls_site(authority, folder, *names, **times):
    """Serve at `localhost`, with a certificate of *authority* for *names*."""
    with TlsSite(authority.issue(folder, *(names or ("localhost",)), **times)) as site:
        yield site
