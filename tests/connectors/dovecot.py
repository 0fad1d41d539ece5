"""A real IMAP server over one mailbox, for tests: Dovecot in a folder of its own, which goes with it."""

import getpass
import imaplib
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

from tests.ports import free_port
from tests.waiting import PATIENCE

DOVECOT = shutil.which("dovecot", path="/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/sbin:/opt/homebrew/sbin")
USER, PASSWORD = "replies", "correct-horse"


class Dovecot:
    """Listens on loopback, with TLS on one port and in plain text on the other; `folder` is a Maildir."""

    def __init__(self, home: Path, certificate: tuple[str, str]) -> None:
        self.home = home
        self.plain, self.tls = free_port(), free_port()
        self.certificate, key = certificate
        (home / "mail").mkdir()
        me = getpass.getuser()
        # Dovecot takes no logins as root; its package has users for that, who have to get at the sockets.
        inside, login = ("dovecot", "dovenull") if os.geteuid() == 0 else (me, me)
        home.chmod(0o755)
        if inside != me:
            shutil.chown(home / "mail", inside, inside)
        (home / "dovecot.conf").write_text(
            _CONFIG.format(
                home=home,
                password=PASSWORD,
                plain=self.plain,
                tls=self.tls,
                inside=inside,
                login=login,
                key=key,
                certificate=self.certificate,
            )
        )
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        assert DOVECOT is not None
        with (self.home / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [DOVECOT, "-F", "-c", str(self.home / "dovecot.conf")], stdout=log, stderr=log, start_new_session=True
            )
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                self.client().logout()
            except (OSError, imaplib.IMAP4.error) as error:
                if time.monotonic() > deadline or self._process.poll() is not None:
                    raise AssertionError((self.home / "log").read_text()) from error
                time.sleep(0.05)
            else:
                return

    def stop(self) -> None:
        if self._process is not None:
            # With all its children, or the one that holds a connection would go on holding it.
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait(PATIENCE)
            self._process = None

    def client(self) -> imaplib.IMAP4:
        client = imaplib.IMAP4("localhost", self.plain)
        client.login(USER, PASSWORD)
        return client

    def put(self, *mails: bytes) -> None:
        client = self.client()
        for mail in mails:
            client.append("INBOX", "", "", mail)
        client.logout()

    def empty(self) -> None:
        client = self.client()
        _, (count, *_) = client.select("INBOX")
        # No mail is no range of mails.
        if count != b"0":
            client.store("1:*", "+FLAGS", "\\Deleted")
            client.expunge()
        client.logout()

    def flags(self) -> list[str]:
        """Of each mail in the inbox, in order."""
        client = self.client()
        client.select("INBOX", readonly=True)
        _, found = client.fetch("1:*", "(FLAGS)")
        client.logout()
        return [one.decode().partition("FLAGS (")[2].rstrip(")") for one in found if isinstance(one, bytes)]


_CONFIG = """
base_dir = {home}/run
state_dir = {home}/run
log_path = /dev/stderr
protocols = imap
listen = 127.0.0.1
default_internal_user = {inside}
default_internal_group = {inside}
default_login_user = {login}
first_valid_uid = 0
ssl = yes
ssl_cert = <{certificate}
ssl_key = <{key}
disable_plaintext_auth = no
auth_failure_delay = 0
mail_location = maildir:{home}/mail
service anvil {{
  chroot =
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {plain}
  }}
  inet_listener imaps {{
    port = {tls}
  }}
}}
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid={inside} gid={inside} home={home}/mail
}}
"""
