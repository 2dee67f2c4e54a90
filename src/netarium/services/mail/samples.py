"""The three letters that wait for a new user: a welcome, a lesson, one with a picture."""

from __future__ import annotations

import struct
import zlib
from email.message import EmailMessage
from email.policy import SMTP

__all__ = ["picture", "samples"]

_PICTURE = """
................................................................
..#####...........................................#####..........
..#...#...........................................#...#..........
..#...#....#####..........#####.........#####.....#...#..........
..#####....#...#..........#...#.........#...#.....#####..........
....#......#...#..........#...#.........#...#.......#............
....#......#####..........#####.........#####.......#............
....#........#..............#.............#.........#............
....########.#.#############.#############.#.########............
...........#.#.#...........#.#...........#.#.#...................
...........#####...........###...........#####...................
................................................................
"""


def picture() -> bytes:
    """A small PNG (RFC 2083): hosts and routers on a cable, drawn from the letters above."""
    rows = [row.ljust(66, ".")[:66] for row in _PICTURE.strip().splitlines()]
    scale = 4
    lines = b""
    for row in rows:
        pixels = b"".join(
            (b"\x1f\x4e\x79" if dot == "#" else b"\xff\xff\xff") * scale for dot in row
        )
        lines += (b"\0" + pixels) * scale

    def chunk(kind: bytes, data: bytes) -> bytes:
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    header = struct.pack(">IIBBBBB", len(rows[0]) * scale, len(rows) * scale, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(lines, 9))
        + chunk(b"IEND", b"")
    )


_WELCOME = """\
Dear {name},

this mailbox is real: a mail server on the machine {host} keeps it, and any
mail program can read it. Your name is {name}; the password is the one you log
in with (abc123, unless the lab file says otherwise).

Three ways to read this letter from a shell of the lab:

    curl -s -u {name}:abc123 pop3://{host}/1
    curl -s -u {name}:abc123 'imap://{host}/INBOX;UID=1'
    python3 -c "import poplib; p = poplib.POP3('{host}'); p.user('{name}');
                p.pass_('abc123'); print(p.stat())"

And one to answer it:

    printf 'Subject: Thank you\\n\\nIt works.\\n' > letter
    curl smtp://{host} -T letter \\
         --mail-from {name}@{domain} --mail-rcpt {name}@{domain}

Yours,
the postmaster
"""

_LESSON = """\
Dear {name},

mail is a conversation in plain English. Say this to the server and you have
sent a letter without any mail program (what you type is indented):

    telnet {host} 25
        EHLO {name}.example
        MAIL FROM:<{name}@{domain}>
        RCPT TO:<{name}@{domain}>
        DATA
        Subject: typed by hand

        Hello from the wire.
        .
        QUIT

The first two lines of your letter's header (Return-Path and Received) are not
yours: the server wrote them. Every server on the way adds one "Received:" line
on top, so a letter's path is read from the bottom up.

To see what your neighbour on the cable sees, run tcpdump meanwhile:

    tcpdump -A -i any port 25

Then say STARTTLS, and look again.

Yours,
the postmaster
"""

_ATTACHED = """\
Dear {name},

this letter has two parts besides the text: a picture and a note. Mail was
made for text alone, so the picture travels as base64, four letters
for every three bytes. IMAP can fetch one part and leave the other:

    a1 LOGIN {name} abc123
    a2 SELECT INBOX
    a3 FETCH 3 BODYSTRUCTURE
    a4 FETCH 3 BODY[2.MIME]
    a5 FETCH 3 BODY[3]

Yours,
the postmaster
"""


def samples(name: str, host: str, domain: str) -> list[bytes]:
    """Three messages to account ``name``, as they travel (lines end in CR LF).

    Args:
        name: the account.
        host: the mail server's name, as a client would use it.
        domain: the domain after the ``@``.
    """
    letters = []
    subjects = (
        "Welcome to your mailbox",
        "How to send a letter by hand",
        "A letter with a picture attached",
    )
    texts = (_WELCOME, _LESSON, _ATTACHED)
    for number, (subject, text) in enumerate(zip(subjects, texts, strict=True), 1):
        letter = EmailMessage(SMTP)
        letter["Return-Path"] = f"<postmaster@{domain}>"
        letter["From"] = f"The postmaster <postmaster@{domain}>"
        letter["To"] = f"{name}@{domain}"
        letter["Subject"] = subject
        letter["Date"] = f"Mon, 01 Jan 2024 09:0{number}:00 +0000"
        letter["Message-ID"] = f"<letter-{number}@{host}>"
        letter.set_content(text.format(name=name, host=host, domain=domain), cte="7bit")
        if number == 3:
            letter.add_attachment(picture(), "image", "png", filename="network.png")
            letter.add_attachment(
                "Base64 turns 3 bytes into 4 letters: compare the sizes of part 2.\n",
                filename="note.txt",
            )
            letter.set_boundary("next-part-of-the-letter")
        letters.append(letter.as_bytes())
    return letters
