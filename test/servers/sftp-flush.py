"""OpenSSH's own sftp-server, but that it answers fsync@openssh.com with the status that it is told."""

import os
import struct
import subprocess
import sys

EXTENDED, STATUS = 200, 101
FLUSH = b"fsync@openssh.com"

status, folder = int(sys.argv[1]), sys.argv[2]
server = subprocess.Popen(
    ["/usr/lib/openssh/sftp-server", "-d", folder], stdin=subprocess.PIPE
)


def text(value):
    return struct.pack(">I", len(value)) + value


while header := sys.stdin.buffer.read(4):
    packet = sys.stdin.buffer.read(struct.unpack(">I", header)[0])
    if packet[0] == EXTENDED and packet[5:].startswith(text(FLUSH)):
        # nothing else is on its way: the client has waited for all that it wrote
        answer = bytes([STATUS]) + packet[1:5] + struct.pack(">I", status) + text(b"no") + text(b"")
        os.write(1, text(answer))
        continue
    server.stdin.write(header + packet)
    server.stdin.flush()
server.stdin.close()
sys.exit(server.wait())
