"""A wording whose code says too much of it, or something else, has a consequence and a fix of its own."""

from __future__ import annotations

import pytest

from stackfix.errors import DataError
from stackfix.facts.causes import load_causes
from stackfix.facts.root import data_root

LOADER = "ImportError: /lib/x86_64-linux-gnu/{}: version `{}' not found (required by /venv/x.so)"
GLIBC = LOADER.format("libc.so.6", "GLIBC_2.34")
NO_WHEEL = "ERROR: No matching distribution found for onnxruntime-gpu==1.22.0"
GATED = (
    "huggingface_hub.errors.GatedRepoError: 401 Client Error. (Request ID: Root=1-66)\n\n"
    "Cannot access gated repo for url https://huggingface.co/a/b/resolve/main/config.json.\n"
    "Access to model a/b is restricted. You must have access to it and be authenticated to access it."
)

ASKED = (
    "OSError: You are trying to access a gated repo.\nMake sure to have access to it at "
    "https://huggingface.co/a/b.\n403 Client Error. (Request ID: Root=1-66)"
)
ASSERT = (
    "RuntimeError: CUDA error: device-side assert triggered\n"
    "Compile with `TORCH_USE_CUDA_DSA` to enable device-side assertions."
)


@pytest.mark.parametrize(
    ("text", "code", "consequence", "fix"),
    [
        (GLIBC, "missing_wheel", "newer glibc than this system", "wheels fit this glibc"),
        (LOADER.format("libc.so.6", "GLIBC_ABI_DT_RELR"), "missing_wheel", "newer glibc", "wheels fit"),
        (LOADER.format("libstdc++.so.6", "GLIBCXX_3.4.32"), "missing_wheel", "newer libstdc++", "LD_LIBRARY"),
        ("GLIBCXX_3.4.32 not found", "missing_wheel", "newer libstdc++", "env -u LD_LIBRARY_PATH"),
        (
            "/opt/miniconda3/envs/a/lib/libstdc++.so.6: version `GLIBCXX_3.4.32' not found",
            "shadowed_libraries",
            "conda's own libstdc++",
            "libstdcxx-ng",
        ),
        (
            "ImportError: libx.so.4: cannot enable executable stack as shared object requires: Invalid argument",
            "missing_wheel",
            "executable stack",
            "--clear-execstack",
        ),
        ("OSError: libonnxruntime.so: wrong ELF class: ELFCLASS64", "missing_wheel", "processor", "uname -m"),
        (
            "nvcc fatal   : Unsupported gpu architecture 'compute_37'",
            "gpu_arch_not_in_build",
            "has dropped it",
            "nvcc --version",
        ),
        (
            "ptxas fatal   : Value 'sm_121a' is not defined for option 'gpu-name'",
            "gpu_arch_not_in_build",
            "ptxas",
            "stackfix fix --venv DIR",
        ),
        (
            "Unexpected error from cudaGetDeviceCount(). Error 802: system not yet initialized",
            "driver_broken_state",
            "NVSwitch",
            "nvidia-fabricmanager",
        ),
        (GATED, "hub_unreachable", "licence", "hf auth login"),
        (
            ASKED,
            "hub_unreachable",
            "licence",
            "HF_TOKEN",
        ),
        (
            "RepositoryNotFoundError: 401 Client Error. (Request ID: x)",
            "hub_unreachable",
            "no repository of that name",
            "correct the name",
        ),
        (
            "ValueError: Requested float16 compute type, but the target device or backend do not support efficient float16 computation.",
            "torch_cpu_build",
            "CTranslate2 itself asks no torch",
            "compute_type",
        ),
        (
            "[TRT] [E] 6: The engine plan file is not compatible with this version of TensorRT, expecting library version 10.0.1.6 got 8.6.1.6, please rebuild.",
            "model_ir_or_opset",
            "a TensorRT engine",
            "delete the engine",
        ),
        (
            "RuntimeError: \nThe detected CUDA version (11.8) mismatches the version that was used to compile\nPyTorch (12.4). Please make sure to use the same CUDA versions.",
            "cuda_major_mismatch",
            "is being compiled",
            "CUDA_HOME",
        ),
        (
            "CUDA SETUP: Required library version not found: libbitsandbytes_cuda118.so. Maybe you need to compile it from source?",
            "cuda_major_mismatch",
            "onnxruntime has no part in it",
            "pip install -U bitsandbytes",
        ),
        (
            "RuntimeError: FlashAttention only supports Ampere GPUs or newer.",
            "gpu_arch_not_in_build",
            "another torch or driver does not change that",
            "sdpa",
        ),
    ],
)
def test_what_is_said_is_true_of_the_wording(text, code, consequence, fix, named):
    first = named(text)[0]
    assert first.code == code
    assert consequence in first.consequence
    assert fix in first.fix
    assert "nothing was installed" not in first.consequence
    assert "HTTPS_PROXY" not in first.fix


def test_the_words_of_each_wording_are_shown_for_its_examples(knowledge, named):
    own = [pattern for pattern in knowledge.patterns if pattern.says]
    assert len(own) >= 10
    for pattern in own:
        for example in pattern.examples:
            first = named(example)[0]
            words = pattern.says[first.code]
            assert (first.consequence, first.fix) == (words.consequence, words.fix), pattern.name


CTRANSLATE2 = "RuntimeError: Library {} is not found or cannot be loaded"


@pytest.mark.parametrize("library", ["libcublas.so.12", "libcublas.so.11", "cublas64_12.dll"])
def test_each_code_that_a_library_may_mean_has_the_words_of_who_lacks_it(library, named):
    causes = named(CTRANSLATE2.format(library))
    assert {each.code for each in causes} == {"cuda_major_mismatch", "cuda_runtime_missing"}
    for each in causes:
        assert "faster-whisper" in each.consequence
        assert "runs on the CPU" not in each.consequence
        assert "import torch" in each.fix
    assert len({each.consequence for each in causes}) == 2


def test_what_onnxruntime_lacks_beside_it_is_told_with_its_own_words(named, knowledge):
    provider = (
        "[E:onnxruntime:Default] Failed to load library libonnxruntime_providers_cuda.so with error: "
        "libcublasLt.so.12: cannot open shared object file: No such file or directory"
    )
    first = named(f"{provider}\n{CTRANSLATE2.format('libcublas.so.12')}")[0]
    assert first.consequence == named(provider)[0].consequence == knowledge.words[first.code].consequence


def test_the_surest_wording_of_a_code_speaks_for_it(named, knowledge):
    general = knowledge.words["missing_wheel"]
    first = named(f"{GLIBC}\n{NO_WHEEL}")[0]
    assert first.code == "missing_wheel"
    assert first.consequence == named(NO_WHEEL)[0].consequence == general.consequence
    assert named(f"error: metadata-generation-failed\n{GLIBC}")[0].consequence != general.consequence


@pytest.mark.parametrize(
    "text",
    [
        "ImportError: cannot import name 'cached_download' from 'huggingface_hub' (/venv/huggingface_hub/__init__.py)",
        "WARNING: Ignoring invalid distribution ~orch (/venv/lib/python3.12/site-packages)",
        ASSERT,
        "Segmentation fault (core dumped)",
        "ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device",
        "checking for GLIBCXX_3.4.32... not found",
    ],
)
def test_what_no_code_says_honestly_stays_unknown(text, codes):
    assert codes(text) == []


def written(tmp_path, rows):
    folder = tmp_path / "causes"
    folder.mkdir()
    (folder / "common.toml").write_bytes((data_root() / "causes" / "common.toml").read_bytes())
    pattern = (
        f'[[pattern]]\nname = "x"\ndescription = "x"\nwords = ["x"]\nregex = "x"\nexamples = ["x"]\n{rows}\n'
    )
    (folder / "x.toml").write_text(f'summary = "x"\n{pattern}', encoding="utf-8")
    return tmp_path


OWN = '[pattern.says.{}]\nconsequence = "a"\nfix = "a"'


@pytest.mark.parametrize(
    ("rows", "why"),
    [
        ("library = true\n" + OWN.format("no_such_code"), "no cause `no_such_code`"),
        ('code = "missing_wheel"\n' + OWN.format("missing_wheel"), "only a pattern of libraries"),
    ],
)
def test_words_for_no_code_or_of_a_pattern_with_one_are_refused(tmp_path, rows, why):
    with pytest.raises(DataError, match=why):
        load_causes(written(tmp_path, rows))


@pytest.mark.parametrize(
    "rows",
    [
        'code = "missing_wheel"\nfix = "a"',
        'code = "missing_wheel"\nconsequence = "a"',
        'library = true\nconsequence = "a"\nfix = "a"',
    ],
)
def test_half_of_its_own_words_is_refused(tmp_path, rows):
    with pytest.raises(DataError, match="a consequence and a fix, or neither"):
        load_causes(written(tmp_path, rows))
