"""RECORD is kept true: rows of files that are taken out go, hashes of changed files follow, all else stays as it is."""

import base64
import hashlib

from stackfix.install.record import drop_files, update_hashes

PATHS = b"/new/lib\n"
SCRIPT = b"#!/new/bin/python\n"


def digest(data):
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()


def packages_of(folder, record, name="thing"):
    info = folder / "lib" / "python3.12" / "site-packages" / f"{name}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "RECORD").write_bytes(record.encode())
    return info.parent


def record_of(packages, name="thing"):
    return (packages / f"{name}-1.0.dist-info" / "RECORD").read_bytes().decode()


def test_rows_of_files_that_are_taken_out_go_and_no_others(tmp_path):
    kept = "thing/direct_url.json,sha256=a,1\nthing-1.0.dist-info/sub/REQUESTED,,\n"
    tail = "thing-1.0.dist-info/RECORD,,\n"
    packages = packages_of(
        tmp_path,
        f"thing-1.0.dist-info/REQUESTED,,\n{kept}thing-1.0.dist-info/direct_url.json,sha256=b,2\n{tail}",
    )
    (packages / "thing-1.0.dist-info" / "REQUESTED").touch()
    drop_files(packages, {"REQUESTED", "direct_url.json"}, {"thing"})
    assert record_of(packages) == kept + tail
    assert not (packages / "thing-1.0.dist-info" / "REQUESTED").exists()


def test_the_last_row_may_go_without_a_line_end(tmp_path):
    packages = packages_of(tmp_path, "thing.py,,\nthing-1.0.dist-info/REQUESTED,,")
    drop_files(packages, {"REQUESTED"}, {"thing"})
    assert record_of(packages) == "thing.py,,\n"


def test_a_package_that_is_not_named_keeps_its_rows(tmp_path):
    text = "other-1.0.dist-info/REQUESTED,,\n"
    packages = packages_of(tmp_path, text, "other")
    drop_files(packages, {"REQUESTED"}, {"thing"})
    assert record_of(packages, "other") == text


def test_hashes_of_changed_scripts_and_path_files_follow(tmp_path):
    before = "../../../bin/tool,sha256=old,1\nbin/tool,sha256=its_own,1\nthing.pth,sha256=old,1\nthing.py,,\n"
    packages = packages_of(tmp_path, before)
    script, path_file = tmp_path / "bin" / "tool", packages / "thing.pth"
    script.parent.mkdir()
    script.write_bytes(SCRIPT)
    path_file.write_bytes(PATHS)
    update_hashes(packages, [script, path_file])
    assert record_of(packages) == (
        f"../../../bin/tool,sha256={digest(SCRIPT)},{len(SCRIPT)}\nbin/tool,sha256=its_own,1\n"
        f"thing.pth,sha256={digest(PATHS)},{len(PATHS)}\nthing.py,,\n"
    )


def test_a_quoted_row_of_a_changed_script_follows_too(tmp_path):
    packages = packages_of(tmp_path, '"../../../bin/a,b",sha256=old,1\n')
    script = tmp_path / "bin" / "a,b"
    script.parent.mkdir()
    script.write_bytes(SCRIPT)
    update_hashes(packages, [script])
    assert record_of(packages) == f'"../../../bin/a,b",sha256={digest(SCRIPT)},{len(SCRIPT)}\n'
