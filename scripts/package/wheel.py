"""Zips a directory into a wheel, and writes its RECORD: wheel.py DIRECTORY DIST-INFO WHEEL SECONDS"""

import base64
import hashlib
import os
import sys
import time
import zipfile

root, info, wheel, seconds = sys.argv[1:]
when = time.gmtime(max(int(seconds), 315532800))[:6]  # a zip knows no year before 1980


def add(archive, name, content, mode):
    entry = zipfile.ZipInfo(name, when)
    entry.external_attr = (0o100000 | mode) << 16
    entry.compress_type = zipfile.ZIP_DEFLATED
    archive.writestr(entry, content)


record = []
with zipfile.ZipFile(wheel, "w") as archive:
    for folder, folders, files in os.walk(root):
        folders.sort()
        for file in sorted(files):
            path = os.path.join(folder, file)
            name = os.path.relpath(path, root)
            with open(path, "rb") as opened:
                content = opened.read()
            digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
            record.append(f"{name},sha256={digest},{len(content)}")
            add(archive, name, content, os.stat(path).st_mode & 0o777)
    record.append(f"{info}/RECORD,,")
    add(archive, f"{info}/RECORD", "\n".join(record) + "\n", 0o644)
