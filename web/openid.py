"""Signing in by OpenID Connect: authorization code with PKCE and nonce, found by discovery, signatures checked.

It says who somebody is at the provider; who of ours that is, `store.access.openid` decides.
"""

import base64
import hashlib
import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import httpx2
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from store.access.openid import Identity, Start

_ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "ES256", "ES384", "EdDSA")
"""Signatures with a public key alone: a provider's own, whatever a token says about itself."""
_KEPT_SECONDS = 3600.0
_LEEWAY = 60
_SECONDS = 10.0


class ProviderFault(Exception):
    """The provider is away, or what it says cannot be believed; the message says which, and holds no secret."""


@dataclass(frozen=True, kw_only=True)
class OpenIdSettings:
    """How this installation is known at its provider."""

    issuer: str
    client_id: str
    client_secret: str | None = field(repr=False)


class OpenId:
    """One provider. What it publishes is kept for an hour, its keys until one is missing."""

    def __init__(self, settings: OpenIdSettings) -> None:
        self._settings = settings
        self._known: tuple[float, dict[str, Any]] | None = None
        self._keys: KeySet | None = None

    def address(self, start: Start, redirect_uri: str) -> str:
        """Where the browser goes to sign in."""
        challenge = hashlib.sha256(start.verifier.encode()).digest()
        query = {
            "response_type": "code",
            "client_id": self._settings.client_id,
            "redirect_uri": redirect_uri,
            "scope": "openid email profile",
            "state": start.state,
            "nonce": start.nonce,
            "code_challenge": base64.urlsafe_b64encode(challenge).rstrip(b"=").decode(),
            "code_challenge_method": "S256",
        }
        endpoint = str(self._published()["authorization_endpoint"])
        return f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(query)}"

    def identity(self, code: str, start: Start, redirect_uri: str) -> Identity:
        """Who came back with this code; ProviderFault when that cannot be told for sure."""
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect_uri,
            "client_id": self._settings.client_id,
            "code_verifier": start.verifier,
        }
        secret = self._settings.client_secret
        answer = self._ask(
            lambda client: client.post(
                str(self._published()["token_endpoint"]),
                data=form,
                auth=(self._settings.client_id, secret) if secret else None,
            )
        )
        token = answer.get("id_token")
        if not isinstance(token, str):
            raise ProviderFault("the provider gave no ID token")
        claims = self._claims(token)
        if claims.get("nonce") != start.nonce:
            raise ProviderFault("the ID token was made for another sign-in")
        email = claims.get("email")
        return Identity(
            issuer=self._settings.issuer,
            subject=str(claims["sub"]),
            email=email.lower() if isinstance(email, str) and claims.get("email_verified") is True else None,
        )

    def _claims(self, token: str) -> dict[str, Any]:
        """What the token says, once its signature, its issuer, its audience and its time are right."""
        for refresh in (False, True):
            try:
                decoded = jwt.decode(token, self._key_set(refresh=refresh), algorithms=list(_ALGORITHMS))
                break
            except (JoseError, ValueError, KeyError) as error:
                # Providers change keys: look once more before calling it forged.
                if refresh:
                    raise ProviderFault(
                        f"the ID token is not signed as it should be ({type(error).__name__})"
                    ) from error
        claims: dict[str, Any] = dict(decoded.claims)
        registry = jwt.JWTClaimsRegistry(
            leeway=_LEEWAY,
            iss={"essential": True, "value": self._settings.issuer},
            aud={"essential": True, "value": self._settings.client_id},
            exp={"essential": True},
            iat={"essential": True},
            sub={"essential": True},
        )
        try:
            registry.validate(claims)
        except JoseError as error:
            raise ProviderFault(f"the ID token is not for us, or not now ({error})") from error
        if claims.get("azp", self._settings.client_id) != self._settings.client_id:
            raise ProviderFault("the ID token was given to another program")
        return claims

    def _key_set(self, *, refresh: bool) -> KeySet:
        if self._keys is None or refresh:
            found = self._ask(lambda client: client.get(str(self._published()["jwks_uri"])))
            try:
                self._keys = KeySet.import_key_set(found)  # type: ignore[arg-type]  # whatever it is, it is checked
            except (JoseError, ValueError, KeyError, TypeError) as error:
                raise ProviderFault("the provider publishes no keys that can be read") from error
        return self._keys

    def _published(self) -> dict[str, Any]:
        if self._known is None or time.monotonic() - self._known[0] > _KEPT_SECONDS:
            where = f"{self._settings.issuer.rstrip('/')}/.well-known/openid-configuration"
            found = self._ask(lambda client: client.get(where))
            if found.get("issuer") != self._settings.issuer:
                raise ProviderFault("the provider calls itself by another name than TENURE_OPENID_ISSUER")
            if not {"authorization_endpoint", "token_endpoint", "jwks_uri"} <= found.keys():
                raise ProviderFault("the provider's configuration is not complete")
            self._known = (time.monotonic(), found)
        return self._known[1]

    def _ask(self, call: Any) -> dict[str, Any]:
        try:
            with httpx2.Client(timeout=_SECONDS) as client:
                answer = call(client)
            if answer.status_code != 200:
                raise ProviderFault(f"the provider answered {answer.status_code}")
            found = answer.json()
        except (httpx2.HTTPError, ValueError) as error:
            raise ProviderFault(f"the provider does not answer ({type(error).__name__})") from error
        if not isinstance(found, dict):
            raise ProviderFault("the provider answered something else than asked")
        return found
