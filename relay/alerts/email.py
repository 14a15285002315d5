"""Alerts by e-mail, over SMTP with STARTTLS or TLS."""

import asyncio
import smtplib
import ssl
from contextlib import suppress
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid
from typing import Final

from relay.clock import utcnow
from relay.config.alerts import AlertSettings
from relay.domain.alert_texts import AlertMessage
from relay.errors import NotDelivered
from relay.logs import logger

STEP_SECONDS: Final = 10.0
"""How long one step of the dialogue may take."""
LIMIT_SECONDS: Final = 30.0
"""How long all of them may take; looking up a name has no limit of its own."""
LONGEST_SUBJECT: Final = 150

_log = logger(__name__)


@dataclass(frozen=True, slots=True)
class EmailChannel:
    """Sends messages by the SMTP server that the settings name."""

    settings: AlertSettings

    async def send(self, message: AlertMessage) -> None:
        """Send one message; raises `NotDelivered`."""
        try:
            mail = letter(message, self.settings)
            async with asyncio.timeout(LIMIT_SECONDS):
                # smtplib blocks, so it runs in a thread.
                await asyncio.to_thread(_send, mail, self.settings)
        except TimeoutError:
            raise NotDelivered("the SMTP server did not answer in time") from None
        except (smtplib.SMTPException, OSError, ValueError) as error:
            raise NotDelivered(_reason(error)) from None


def letter(message: AlertMessage, settings: AlertSettings) -> EmailMessage:
    """Return *message* as an e-mail."""
    mail = EmailMessage()
    mail["Subject"] = " ".join(message.subject.split())[:LONGEST_SUBJECT]
    mail["From"] = settings.email_from
    mail["To"] = ", ".join(settings.email_to)
    mail["Date"] = format_datetime(utcnow())
    mail["Message-ID"] = make_msgid(domain="relay.invalid")
    # RFC 3834: keeps out-of-office replies away.
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(message.text)
    return mail


def _send(mail: EmailMessage, settings: AlertSettings) -> None:
    server = _connected(settings)
    try:
        if settings.email_user is not None and settings.email_password is not None:
            password = settings.email_password.get_secret_value()
            server.login(settings.email_user, password)
        refused = server.send_message(mail)
    finally:
        with suppress(smtplib.SMTPException, OSError):
            server.quit()
        server.close()
    if refused:  # the others have it, so it must not be sent again
        hint = "correct alerts.email_to"
        _log.warning("alert refused by a recipient", recipients=len(refused), hint=hint)


def _connected(settings: AlertSettings) -> smtplib.SMTP:
    host, port = settings.email_host or "", settings.email_port
    if settings.email_security == "tls":
        context = ssl.create_default_context()
        return smtplib.SMTP_SSL(host, port, timeout=STEP_SECONDS, context=context)
    server = smtplib.SMTP(host, port, timeout=STEP_SECONDS)
    if settings.email_security == "starttls":
        try:
            server.starttls(context=ssl.create_default_context())
        except BaseException:
            server.close()
            raise
    return server


def _reason(error: Exception) -> str:
    """Return why a mail was not accepted, without addresses and the server's text."""
    if isinstance(error, smtplib.SMTPAuthenticationError):
        return f"the SMTP server rejects user or password ({error.smtp_code})"
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return "the SMTP server refuses a recipient (alerts.email_to)"
    if isinstance(error, smtplib.SMTPResponseException):
        return f"the SMTP server answered {error.smtp_code}"
    if isinstance(error, smtplib.SMTPNotSupportedError):
        return "the SMTP server does not offer STARTTLS or signing in"
    if isinstance(error, ssl.SSLCertVerificationError):
        return "the SMTP server's certificate is not valid"
    return f"cannot use the SMTP server ({type(error).__name__})"
