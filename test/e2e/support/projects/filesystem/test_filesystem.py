"""What programs do with files, where it is known to trouble file systems that lie over each other."""

import fcntl
import mmap
import os
import shutil
import socket
import sqlite3
import stat
import subprocess
import sys
import tempfile
import unittest

TOP = os.path.dirname(os.path.abspath(__file__))


def read(path):
    with open(path) as file:
        return file.read()


def content(path):
    with open(path, "rb") as file:
        return file.read()


def write(path, text, how="w"):
    with open(path, how) as file:
        file.write(text)


def names(folder="."):
    return sorted(os.path.relpath(os.path.join(at, n), folder) for at, d, f in os.walk(folder) for n in d + f)


class Case(unittest.TestCase):
    """Each test has what prepare.py has put into a folder of its own."""

    def setUp(self):
        os.chdir(os.path.join(TOP, "data", self._testMethodName.removeprefix("test_")))


class Works(Case):
    def test_move(self):
        shutil.move("sub", "moved")
        self.assertEqual(read("moved/deep/four"), "sub/deep/four\n")
        self.assertFalse(os.path.exists("sub"))
        shutil.move("moved", "sub2")
        os.mkdir("moved")
        self.assertEqual(names("sub2"), ["deep", "deep/four", "three"])
        self.assertEqual(os.listdir("moved"), [])
        os.mkdir("new")
        write("new/inside", "x")
        os.rename("new", "renamed")
        self.assertEqual(read("renamed/inside"), "x")

    def test_replace(self):
        for turn in range(20):
            file, temp = tempfile.mkstemp(dir=".")
            os.write(file, f"turn {turn}\n".encode())
            os.fsync(file)
            os.close(file)
            os.replace(temp, "one")
            folder = os.open(".", os.O_RDONLY | os.O_DIRECTORY)
            os.fsync(folder)
            os.close(folder)
            self.assertEqual(read("one"), f"turn {turn}\n")
        os.rename("two", "sub/three")
        self.assertEqual(read("sub/three"), "two\n")
        self.assertNotIn("two", os.listdir("."))

    def test_links(self):
        os.link("one", "another")
        self.assertEqual(os.stat("one").st_nlink, 2)
        write("another", "more\n", "a")
        self.assertEqual(read("one"), "one\nmore\n")
        os.unlink("one")
        self.assertEqual(read("another"), "one\nmore\n")
        os.unlink("link")
        os.symlink("another", "link")
        self.assertEqual(read("link"), "one\nmore\n")
        os.symlink("sub/deep", "way")
        write("way/through", "x")
        self.assertEqual(read("sub/deep/through"), "x")

    def test_mmap(self):
        with open("large", "r+b") as file:
            with mmap.mmap(file.fileno(), 0) as first, mmap.mmap(file.fileno(), 0) as second:
                first[1000:1005] = b"mmap!"
                self.assertEqual(second[1000:1005], b"mmap!")
                first.flush()
        with open("large", "rb") as file:
            file.seek(1000)
            self.assertEqual(file.read(5), b"mmap!")
        with open("made", "w+b") as file:
            file.truncate(1 << 20)
            with mmap.mmap(file.fileno(), 0) as made:
                made[(1 << 20) - 3 :] = b"end"
        self.assertTrue(content("made").endswith(b"\0end"))

    def test_locks(self):
        holder = (
            "import fcntl, sys\nf = open('one', 'r+')\nfcntl.{0}(f, fcntl.LOCK_EX)\nprint('held', flush=True)\nsys.stdin.read()"
        )
        for way in ("flock", "lockf"):
            lock = getattr(fcntl, way)
            args = [sys.executable, "-c", holder.format(way)]
            with subprocess.Popen(args, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
                self.assertEqual(child.stdout.readline(), "held\n")
                with open("one", "r+") as file:
                    with self.assertRaises(BlockingIOError):
                        lock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                child.stdin.close()
                child.wait()
            with open("one", "r+") as file:
                lock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def test_sqlite(self):
        base = sqlite3.connect("base.db")
        with base:
            base.executemany("INSERT INTO t (v) VALUES (?)", ((str(n),) for n in range(500)))
        with self.assertRaises(ZeroDivisionError), base:
            base.execute("DELETE FROM t")
            raise ZeroDivisionError
        self.assertEqual(base.execute("SELECT count(*) FROM t").fetchone(), (502,))
        self.assertEqual(base.execute("PRAGMA journal_mode=WAL").fetchone(), ("wal",))
        other = sqlite3.connect("base.db", timeout=0)
        base.execute("BEGIN IMMEDIATE")
        with self.assertRaises(sqlite3.OperationalError):
            other.execute("BEGIN IMMEDIATE")
        base.execute("UPDATE t SET v = 'changed' WHERE id = 1")
        base.commit()
        self.assertEqual(other.execute("SELECT v FROM t WHERE id = 1").fetchone(), ("changed",))
        other.close()
        base.execute("VACUUM")
        self.assertEqual(base.execute("PRAGMA integrity_check").fetchone(), ("ok",))
        base.close()
        self.assertNotIn("base.db-wal", os.listdir("."))

    def test_modes(self):
        os.chmod("script", 0o755)
        self.assertEqual(subprocess.check_output(["./script"], text=True), "ran\n")
        os.chmod("one", 0o400)
        with self.assertRaises(PermissionError):
            write("one", "x")
        os.chmod("sub", 0o500)
        with self.assertRaises(PermissionError):
            write("sub/new", "x")
        os.chmod("sub", 0o700)
        write("sub/new", "x")
        self.assertEqual(stat.S_IMODE(os.stat("sub").st_mode), 0o700)
        os.utime("two", (1_000_000_000, 1_000_000_000))
        self.assertEqual(os.stat("two").st_mtime, 1_000_000_000)

    def test_sizes(self):
        os.truncate("large", 100_000)
        write("one", "more\n", "a")
        with open("large", "r+b") as file:
            file.seek(5_000_000)
            file.write(b"end")
            os.posix_fallocate(file.fileno(), 0, 6_000_000)
        self.assertEqual(os.stat("large").st_size, 6_000_000)
        with open("large", "rb") as source, open("copy", "wb") as target:
            left = 6_000_000
            while left > 0:
                left -= os.copy_file_range(source.fileno(), target.fileno(), left)
        self.assertEqual(content("copy"), content("large"))
        os.truncate("copy", 0)
        self.assertEqual(read("one"), "one\nmore\n")

    def test_again(self):
        shutil.rmtree("sub")
        os.mkdir("sub")
        self.assertEqual(os.listdir("sub"), [])
        write("sub/three", "again\n")
        os.unlink("one")
        self.assertFalse(os.path.exists("one"))
        os.mkdir("one")
        write("one/two", "x")
        shutil.rmtree("one")
        write("one", "back\n")
        os.unlink("link")
        os.mkdir("link")
        os.rmdir("link")
        self.assertEqual(names(), ["base.db", "large", "one", "script", "sub", "sub/three", "two"])

    def test_open(self):
        with open("one", "r+") as file:
            os.unlink("one")
            self.assertEqual(file.read(), "one\n")
            file.write("on\n")
            file.seek(0)
            self.assertEqual(file.read(), "one\non\n")
        late = open("two")
        write("two", "changed\n")
        self.assertEqual(late.read(), "changed\n")
        late.close()
        for at, entry in enumerate(sorted(os.scandir("sub/deep"), key=lambda one: one.name)):
            os.rename(entry.path, f"{entry.path}.{at}")
        with os.scandir("sub") as entries:
            for entry in entries:
                os.unlink(entry.path) if entry.is_file() else shutil.move(entry.path, "sub/other")
        self.assertEqual(names("sub"), ["other", "other/four.0"])

    def test_special(self):
        os.mkfifo("pipe")
        self.assertTrue(stat.S_ISFIFO(os.stat("pipe").st_mode))
        os.unlink("pipe")
        with socket.socket(socket.AF_UNIX) as server, socket.socket(socket.AF_UNIX) as client:
            server.bind("door")
            server.listen()
            client.connect("door")
            client.sendall(b"knock")
            visitor, _ = server.accept()
            with visitor:
                self.assertEqual(visitor.recv(5), b"knock")
        os.unlink("door")
        os.setxattr("one", "user.note", b"kept")
        self.assertEqual(os.getxattr("one", "user.note"), b"kept")

    def test_many(self):
        work = "import os, sys\nfor n in range(200):\n open(f'm{sys.argv[1]}-{n}', 'w').write(sys.argv[1]); n % 3 or os.replace(f'm{sys.argv[1]}-{n}', f'sub/m{sys.argv[1]}-{n}')"
        children = [subprocess.Popen([sys.executable, "-c", work, str(n)]) for n in range(4)]
        self.assertEqual([child.wait() for child in children], [0] * 4)
        self.assertEqual(len([n for n in os.listdir("sub") if n.startswith("m")]), 4 * 67)
        self.assertEqual(len([n for n in os.listdir(".") if n.startswith("m")]), 4 * 133)


class Differs(unittest.TestCase):
    """What an overlay does otherwise than the file system below it: these fail in one, each for a reason of its own."""

    def setUp(self):
        os.chdir(os.path.join(TOP, "data", "differs"))

    def test_rename_of_a_folder_by_the_system_call(self):
        os.rename("sub", "renamed")

    def test_names_of_one_file_stay_one(self):
        write("one", "changed\n")
        self.assertEqual(read("twin"), "changed\n")

    def test_new_names_of_one_file_have_its_number(self):
        os.link("two", "another")
        self.assertEqual(os.stat("two").st_ino, os.stat("another").st_ino, "numbers")

    def test_a_mapping_for_reading_sees_a_later_change(self):
        with open("large", "rb") as file, mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) as seen:
            with open("large", "r+b") as other:
                other.write(b"later")
            self.assertEqual(seen[:5], b"later")


if __name__ == "__main__":
    unittest.main()
