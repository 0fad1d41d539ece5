"""A small OpenID provider on loopback, with real keys, codes that work once, and PKCE; it lies where it is asked to."""

import base64
import hashlib
import json
import threading
import time
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey


@cache
def _key() -> RSAKey:
    """Of all the process's providers: to find its primes takes longer than most tests."""
    return RSAKey.generate_key(2048, {"kid": "k1"}, auto_kid=False)


class IdentityProvider:
    """Everybody who asks is signed in as `claims` say."""

    def __init__(self, client_id="tenure", client_secret="s3cret"):
        self.client_id, self.client_secret = client_id, client_secret
        self.claims = {"sub": "u-1", "email": "kim@tenure.test", "email_verified": True}
        self.lies = {}
        self.key = _key()
        self.signs_with = self.key
        self.codes = {}
        self.asked = []

    def __enter__(self):
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                provider.get(self)

            def do_POST(self):
                provider.post(self)

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.issuer = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()

    def get(self, request):
        path, query = urlsplit(request.path).path, parse_qs(urlsplit(request.path).query)
        self.asked.append(path)
        if path == "/.well-known/openid-configuration":
            endpoints = {"authorization_endpoint": "/authorize", "token_endpoint": "/token", "jwks_uri": "/keys"}
            answer(request, {"issuer": self.issuer} | {name: self.issuer + at for name, at in endpoints.items()})
        elif path == "/keys":
            answer(request, KeySet([self.key]).as_dict(private=False))
        elif path == "/authorize":
            code = f"code-{len(self.codes)}"
            self.codes[code] = {name: values[0] for name, values in query.items()}
            back = urlencode({"code": code, "state": query["state"][0]})
            request.send_response(302)
            request.send_header("location", f"{query['redirect_uri'][0]}?{back}")
            request.end_headers()
        else:
            answer(request, {}, 404)

    def post(self, request):
        form = {
            name: values[0]
            for name, values in parse_qs(request.rfile.read(int(request.headers["content-length"])).decode()).items()
        }
        asked = self.codes.pop(form.get("code", ""), None)
        basic = base64.b64encode(f"{self.client_id}:{self.client_secret}".encode()).decode()
        if asked is None or request.headers.get("authorization") != f"Basic {basic}":
            return answer(request, {"error": "invalid_grant"}, 400)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(form["code_verifier"].encode()).digest()).rstrip(b"=")
        if challenge.decode() != asked["code_challenge"] or form["redirect_uri"] != asked["redirect_uri"]:
            return answer(request, {"error": "invalid_grant"}, 400)
        now = int(time.time())
        claims = {"iss": self.issuer, "aud": self.client_id, "iat": now, "exp": now + 300, "nonce": asked["nonce"]}
        token = jwt.encode(
            {"alg": "RS256", "kid": self.signs_with.kid}, claims | self.claims | self.lies, self.signs_with
        )
        return answer(request, {"access_token": "a", "token_type": "Bearer", "id_token": token})


def answer(request, content, status=200):
    body = json.dumps(content).encode()
    request.send_response(status)
    request.send_header("content-type", "application/json")
    request.send_header("content-length", str(len(body)))
    request.end_headers()
    request.wfile.write(body)
