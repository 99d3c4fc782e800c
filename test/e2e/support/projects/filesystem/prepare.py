"""Lays out what the tests find: run once, before anybody has a copy or a layer over it."""

import os
import sqlite3
import sys

NAMES = sys.argv[1].split(",")


def fill(folder):
    os.makedirs(os.path.join(folder, "sub", "deep"))
    for name in ("one", "two", "sub/three", "sub/deep/four"):
        with open(os.path.join(folder, name), "w") as file:
            file.write(name + "\n")
    with open(os.path.join(folder, "large"), "wb") as file:
        file.write(bytes(range(256)) * 1024)
    os.symlink("one", os.path.join(folder, "link"))
    with open(os.path.join(folder, "script"), "w") as file:
        file.write("#!/bin/sh\necho ran\n")
    base = sqlite3.connect(os.path.join(folder, "base.db"))
    base.executescript("CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT); INSERT INTO t (v) VALUES ('a'), ('b');")
    base.close()


for each in NAMES:
    fill(os.path.join("data", each))
os.link("data/differs/one", "data/differs/twin")
