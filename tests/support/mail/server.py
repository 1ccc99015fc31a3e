"""A mail server that a test can tell how to behave. It writes each mail that it takes into a directory, and prints its port.

Usage: server.py DIRECTORY CERTIFICATE KEY USER PASSWORD [MODE...]

Modes, of which several may be given:
    slow=SECONDS      waits before it answers RCPT, and after it took a mail, before it says so
    busy=N            says 451 to the first N recipients
    unknown=ADDRESS   says 550 to this recipient
    dies=N            drops the connection in the middle of the first N mails
"""

import asyncio
import pathlib
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

directory = pathlib.Path(sys.argv[1])
certificate, key, user, password = sys.argv[2:6]
modes = dict(mode.split("=", 1) for mode in sys.argv[6:])
slow = float(modes.get("slow", 0))
left = {name: int(modes.get(name, 0)) for name in ("busy", "dies")}
taken = 0


class Handler:
    async def handle_RCPT(self, server, session, envelope, address, options):
        await asyncio.sleep(slow)
        if left["busy"] > 0:
            left["busy"] -= 1
            return "451 4.3.0 come again"
        if address == modes.get("unknown"):
            return "550 5.1.1 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 fine"

    async def handle_DATA(self, server, session, envelope):
        global taken
        if left["dies"] > 0:
            left["dies"] -= 1
            server.transport.abort()
            return "451 4.3.0 gone"
        # As mail servers do: what is said to be taken is kept before it is said.
        taken += 1
        partial = directory / f".{taken}"
        partial.write_bytes(envelope.content)
        partial.rename(directory / f"{taken}.eml")
        await asyncio.sleep(slow)
        return "250 2.0.0 taken"


def authenticate(server, session, envelope, mechanism, data):
    right = isinstance(data, LoginPassword) and data.login == user.encode() and data.password == password.encode()
    return AuthResult(success=right)


async def main():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    make = lambda: SMTP(
        Handler(),
        hostname="localhost",
        tls_context=context,
        require_starttls=True,
        authenticator=authenticate,
        auth_required=True,
    )
    listener = await asyncio.get_running_loop().create_server(make, "127.0.0.1", 0)
    print(listener.sockets[0].getsockname()[1], flush=True)
    await listener.serve_forever()


asyncio.run(main())
