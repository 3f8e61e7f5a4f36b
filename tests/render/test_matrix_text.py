"""What people read of the matrix, whole: at most 100 columns, the newest set marked, a reason for each refusal."""

import re

from inline_snapshot import snapshot

from stackfix import app
from stackfix.asking import MachineQuestion, Question
from stackfix.render.matrix_text import in_words, matrix_document, matrix_lines


def lines(**machine):
    machine.setdefault("glibc", "2.35")
    machine.setdefault("platform", "linux_x86_64")
    found, date = app.matrix(Question(targets=(), machine=MachineQuestion(**machine), sources=("pypi",)))
    shown = [re.sub(r"\d{4}-\d{2}-\d{2}", "DATE", line) for line in matrix_lines(found, date)]
    assert max(map(len, shown)) <= 100
    return shown


def test_a_new_card_with_a_driver_for_all():
    assert lines(driver="580.95.05", gpus=("RTX 4090",), python="3.12") == snapshot(
        [
            "machine  driver 580.95.05, GeForce RTX 4090 (8.9), linux_x86_64, glibc 2.35",
            "Python   3.12 (--python); facts of DATE",
            "",
            "     torch   torchvision  CUDA  cuDNN      onnxruntime-gpu  Python",
            "  >  2.15.0  0.29.2       13.2  9.26.0.51  1.31.1           3.11-3.14",
            "     2.14.1  0.29.1       13.0  9.24.0.43  1.31.1           3.11-3.14",
            "     2.13.0  0.28.0       13.0  9.20.0.48  1.31.1           3.11-3.14",
            "     2.12.1  0.27.1       13.0  9.20.0.48  1.31.1           3.11-3.14",
            "     2.11.0  0.26.0       13.0  9.19.0.56  1.31.1           3.11-3.14",
            "     2.10.0  0.25.0       12.8  9.10.2.21  1.26.0           3.11-3.14",
            "     2.9.1   0.24.1       12.8  9.10.2.21  1.26.0           3.11-3.14",
            "     2.8.0   0.23.0       12.8  9.10.2.21  1.26.0           3.11-3.13",
            "     2.7.1   0.22.1       12.6  9.5.1.17   1.26.0           3.11-3.13",
            "     2.6.0   0.21.0       12.4  9.1.0.70   1.26.0           3.11-3.13",
            "     2.5.1   0.20.1       12.4  9.1.0.70   1.26.0           3.11-3.12",
            "     2.4.1   0.19.1       12.1  9.1.0.70   1.26.0           3.11-3.12",
            "     2.3.1   0.18.1       12.1  8.9.2.26   none             3.8-3.12",
            "             no onnxruntime-gpu: 1.27.0 to 1.31.1 are CUDA 13; 1.19.0 to 1.26.0 need libcudnn.so.9",
            "               of CUDA 12; 1.17.0 to 1.18.1 are CUDA 11",
            "     2.2.2   0.17.2       12.1  8.9.2.26   none             3.8-3.12",
            "             no onnxruntime-gpu: as above",
            "     2.1.2   0.16.2       12.1  8.9.2.26   none             3.8-3.11 (not here)",
            "             no onnxruntime-gpu: 1.27.0 to 1.31.1 are CUDA 13; 1.19.0 to 1.26.0 need libcudnn.so.9",
            "               of CUDA 12; 1.15.0 to 1.18.1 are CUDA 11",
            "     2.0.1   0.15.2       11.7  8.5.0.96   1.18.1           3.8-3.11 (not here)",
            "     1.13.1  0.14.1       11.7  8.5.0.96   1.18.1           3.8-3.10 (not here)",
            "",
            "  >  the newest set, as `stackfix resolve` gives it; each row is the newest with that release",
            "     the whole of a reason: `stackfix explain torch==2.3.1 onnxruntime-gpu`; `--json` has them all",
        ]
    )


def test_an_old_card_with_an_old_driver():
    assert lines(driver="470.256.02", gpus=("GTX 1080 Ti",), python="3.11") == snapshot(
        [
            "machine  driver 470.256.02, GeForce GTX 1080 Ti (6.1), linux_x86_64, glibc 2.35",
            "Python   3.11 (--python); facts of DATE",
            "",
            "     torch   torchvision  CUDA  cuDNN     onnxruntime-gpu  Python",
            "     2.15.0  no code for sm_61",
            "     2.14.1  no code for sm_61",
            "     2.13.0  no code for sm_61",
            "     2.12.1  no code for sm_61",
            "     2.11.0  no code for sm_61",
            "     2.10.0  no code for sm_61",
            "     2.9.1   no code for sm_61",
            "     2.8.0   no code for sm_61",
            "     2.7.1   driver 470.256.02 < 525.60.13 for CUDA 12",
            "     2.6.0   driver 470.256.02 < 525.60.13 for CUDA 12",
            "     2.5.1   driver 470.256.02 < 525.60.13 for CUDA 12",
            "     2.4.1   driver 470.256.02 < 525.60.13 for CUDA 12",
            "     2.3.1   driver 470.256.02 < 525.60.13 for CUDA 12",
            "     2.2.2   driver 470.256.02 < 525.60.13 for CUDA 12",
            "     2.1.2   driver 470.256.02 < 525.60.13 for CUDA 12",
            "  >  2.0.1   0.15.2       11.7  8.5.0.96  1.18.1           3.8-3.11",
            "     1.13.1  0.14.1       11.7  8.5.0.96  1.18.1           3.8-3.10 (not here)",
            "",
            "  >  the newest set, as `stackfix resolve` gives it; each row is the newest with that release",
            "     the whole of a reason: `stackfix explain torch==2.15.0`; `--json` has them all",
        ]
    )


def test_no_gpu():
    assert lines(gpus=("none",), python="3.12") == snapshot(
        [
            "machine  no GPU, linux_x86_64, glibc 2.35",
            "Python   3.12 (--python); facts of DATE",
            "",
            "     torch   torchvision  onnxruntime  Python",
            "  >  2.15.0  0.29.2       1.32.0       3.11-3.14",
            "     2.14.1  0.29.1       1.32.0       3.11-3.14",
            "     2.13.0  0.28.0       1.32.0       3.11-3.14",
            "     2.12.1  0.27.1       1.32.0       3.11-3.14",
            "     2.11.0  0.26.0       1.32.0       3.11-3.14",
            "     2.10.0  0.25.0       1.32.0       3.11-3.14",
            "     2.9.1   0.24.1       1.32.0       3.11-3.14",
            "     2.8.0   0.23.0       1.32.0       3.11-3.13",
            "     2.7.1   0.22.1       1.32.0       3.11-3.13",
            "     2.6.0   0.21.0       1.32.0       3.11-3.13",
            "     2.5.1   0.20.1       1.32.0       3.11-3.12",
            "     2.4.1   0.19.1       1.32.0       3.11-3.12",
            "     2.3.1   0.18.1       1.32.0       3.11-3.12",
            "     2.2.2   0.17.2       1.32.0       3.11-3.12",
            "     2.1.2   0.16.2       1.32.0       3.11 (not here)",
            "     2.0.1   0.15.2       1.32.0       3.11 (not here)",
            "     1.13.1  0.14.1       1.23.2       3.10 (not here)",
            "",
            "  >  the newest set, as `stackfix resolve` gives it; each row is the newest with that release",
        ]
    )


def test_windows_where_torch_is_a_build_without_cuda():
    assert lines(platform="win_amd64", glibc="", driver="581.80", gpus=("RTX 4090",)) == snapshot(
        [
            "machine  driver 581.80, GeForce RTX 4090 (8.9), win_amd64",
            "Python   any: none is said to be here; facts of DATE",
            "",
            "     torch    torchvision  CUDA  cuDNN      onnxruntime-gpu  Python",
            "  >  2.15.0*  0.29.2       13.5  9.28.1.4   1.31.1           3.11-3.14",
            "     2.14.1*  0.29.1       13.5  9.28.1.4   1.31.1           3.11-3.14",
            "     2.13.0*  0.28.0       13.5  9.28.1.4   1.31.1           3.11-3.14",
            "     2.12.1*  0.27.1       13.5  9.28.1.4   1.31.1           3.11-3.14",
            "     2.11.0*  0.26.0       13.5  9.28.1.4   1.31.1           3.11-3.14",
            "     2.10.0*  0.25.0       13.5  9.28.1.4   1.31.1           3.11-3.14",
            "     2.9.1*   0.24.1       13.5  9.28.1.4   1.31.1           3.11-3.14",
            "     2.8.0*   0.23.0       13.5  9.28.1.4   1.31.1           3.11-3.13",
            "     2.7.1*   0.22.1       13.5  9.28.1.4   1.31.1           3.11-3.13",
            "     2.6.0*   0.21.0       13.5  9.28.1.4   1.31.1           3.11-3.13",
            "     2.5.1*   0.20.1       13.5  9.28.1.4   1.31.1           3.11-3.12",
            "     2.4.1*   0.19.1       13.5  9.28.1.4   1.31.1           3.11-3.12",
            "     2.3.1*   0.18.1       13.5  9.28.1.4   1.31.1           3.11-3.12",
            "     2.2.2*   0.17.2       13.5  9.28.1.4   1.31.1           3.11-3.12",
            "     2.1.2*   0.16.2       13.5  9.28.1.4   1.31.1           3.11",
            "     2.0.1*   0.15.2       13.5  9.28.1.4   1.31.1           3.11",
            "     1.13.1*  0.14.1       12.9  9.28.0.42  1.23.2           3.10",
            "",
            "  >  the newest set, as `stackfix resolve` gives it; each row is the newest with that release",
            "  *  a build without CUDA: that torch runs on the CPU; `stackfix facts sources` names indexes with",
            "     builds for CUDA",
        ]
    )


def test_two_cards_that_no_release_serves_both():
    shown = lines(driver="580.95.05", gpus=("RTX 5090", "GTX 1080 Ti"), python="3.12")
    head = shown.index("     torch")
    assert {line[13:] for line in shown[head + 1 : head + 18]} == {"no code for sm_61", "no code for sm_120"}
    assert shown[head + 19].startswith("     no row holds them all")


def test_pythons_are_said_as_spans():
    assert in_words(("3.9", "3.10", "3.11", "3.13")) == "3.9-3.11, 3.13"
    assert in_words(("3.8",)) == "3.8"


def test_json_has_the_whole_conflict_of_each_refusal():
    question = MachineQuestion(driver="535.104.05", gpus=("RTX 4090",), python="3.12", glibc="2.35")
    document = matrix_document(*app.matrix(Question(targets=(), machine=question, sources=("pypi",))))
    refused = document["rows"][0]["refused"][0]
    assert document["rows"][0]["ok"] is False
    assert refused["reason"] == "driver 535.104.05 < 580.65.06 for CUDA 13"
    assert [fact["text"] for fact in refused["conflict"]][-1] == "the NVIDIA driver is 535.104.05"
    assert all(fact["source"] for fact in refused["conflict"])
    assert sum(row["newest"] for row in document["rows"]) == 1
