"""Whole reports: what a healthy and a broken environment read like, and the keys that scripts rely on."""

from __future__ import annotations

from inline_snapshot import snapshot
from patients import look

from stackfix.render.report_text import report_document, report_lines


def text(report, site):
    return "\n".join(report_lines(report)).replace(str(site.root), "ENV")


def test_a_healthy_environment_has_no_findings_and_says_what_is_right(site):
    report = look(site.healthy())
    assert report.ok
    assert text(report, site) == snapshot("""\
environment ENV

right: there is Python 3.12.4, torch 2.8.0, torchvision 0.23.0, onnxruntime-gpu 1.22.0, CUDA 12.8
right: 16 libraries that a process loads find all they need
right: the installed builds have code for GeForce RTX 4090
right: driver 580.95.05 runs CUDA 12.8
right: stackfix's import hook is installed (stackfix_libraries.pth): it loads the CUDA libraries before onnxruntime; `STACKFIX_HOOK=off` switches it off
nothing is wrong as far as this can be seen from outside\
""")


def test_the_cpu_build_over_the_gpu_build_reads_as_one_cause_with_its_consequences(site):
    report = look(site.cuda12().torch().onnxruntime().onnxruntime("onnxruntime"))
    assert not report.ok
    assert text(report, site) == snapshot("""\
environment ENV

cause: onnxruntime and onnxruntime-gpu fill one folder, `onnxruntime`  [both_ort_packages]
  onnxruntime 1.22.0 is installed [read: dist-info]
  onnxruntime-gpu 1.22.0 is installed [read: dist-info]
  the folder `onnxruntime` holds the files of onnxruntime 1.22.0 [read: its own build file]
  DWPose's pose network took 44.58 ms by onnxruntime on an i7-11700, 7.68 ms by TensorRT on a GTX 1660 Ti [documented: open-mmlab/mmpose, projects/rtmpose/README.md, WholeBody 2d, commit 0415322 (2023), 2026-11-29]
  DWPose in MimicMotion took 4 s a picture by onnxruntime, 1/30 s by onnxruntime-gpu [documented: Tencent/MimicMotion, issue 44 (2024-07-16), 2026-11-29]
  so the CPU build has overwritten the GPU build: DWPose runs on the CPU, 6 to 120 times slower; removing either guts the other
  fix: uv pip uninstall --python ENV/bin/python onnxruntime onnxruntime-gpu && uv pip install --python ENV/bin/python --no-deps onnxruntime-gpu==1.22.0
  and so: onnxruntime-gpu 1.22.0 holds libraries that are not its own  [both_ort_packages]
  and so: nothing loads the CUDA libraries before onnxruntime  [import_order_preload]

right: there is Python 3.12.4, torch 2.8.0, onnxruntime-gpu 1.22.0, onnxruntime 1.22.0
right: 16 libraries that a process loads find all they need
right: the installed builds have code for GeForce RTX 4090
right: driver 580.95.05 runs CUDA 12.8
to mend it: stackfix fix --venv ENV\
""")


def test_the_document_has_the_keys_that_scripts_rely_on(site):
    document = report_document(look(site.cuda12("nvidia-curand-cu12").torch().onnxruntime()))
    assert {"venv", "findings", "good", "unknown", "mend"} <= set(document)
    for one in document["findings"]:
        assert {"code", "severity", "text", "because", "fix", "consequence", "follows", "packages"} <= set(
            one
        )
        assert isinstance(one["because"], list)
    assert [one["primary"] for one in document["findings"]].count(True) == 1


def test_the_cuda_of_an_onnxruntime_that_goes_with_several_is_told_by_its_major_alone(site):
    alone = look(site.onnxruntime()).good
    assert "there is Python 3.12.4, onnxruntime-gpu 1.22.0, CUDA 12" in alone
    assert "driver 580.95.05 runs CUDA 12" in alone
    assert "there is Python 3.12.4, onnxruntime-gpu 1.22.0, CUDA 12.8" in look(site.cuda12()).good
