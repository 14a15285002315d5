"""Verify that a webhook was sent by its contract's carrier."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from relay.adapters.protocol import Carrier, WebhookRequest
from relay.adapters.signatures import check_secret
from relay.config.contract import ContractSettings
from relay.errors import SignatureMissing, VerificationFailed


@dataclass(frozen=True, slots=True)
class Verification:
    """Verifies requests, when they arrive and again after a correction."""

    carriers: Mapping[str, Carrier]
    contracts: Mapping[str, ContractSettings]

    def check(
        self, contract: str, request: WebhookRequest, url_secret: str | None
    ) -> None:
        """Raise `VerificationFailed` unless the contract's carrier sent *request*."""
        if self.contracts[contract].verification == "signature":
            _check_signature(self.carriers[contract], request)
        else:
            self.check_address(contract, url_secret)

    def check_address(self, contract: str, url_secret: str | None) -> None:
        """Raise `VerificationFailed` unless the address is right for webhooks."""
        settings = self.contracts[contract]
        if settings.verification == "url":
            if not url_secret:
                raise SignatureMissing("the address has no secret")
            check_secret(url_secret, settings.url_secrets)
        elif settings.verification == "polling_only":
            raise VerificationFailed(
                "this contract is polling-only; it takes no webhooks"
            )
        elif settings.verification == "endpoint":
            raise VerificationFailed(
                "this contract is for the VTEX-compatible endpoint; it takes no "
                "webhooks"
            )


def _check_signature(carrier: Carrier, request: WebhookRequest) -> None:
    """Verify the body; a compressed one may be signed in either form."""
    try:
        carrier.verify(request)
    except VerificationFailed:
        if request.sent in (b"", request.body):
            raise
        carrier.verify(replace(request, body=request.sent))
