"""A PowerShell script (5.1 and later) that makes the environment by itself, with the hashes inside it."""

from __future__ import annotations

import hashlib

from stackfix.render.export.requirements import file_lines, requirement_lines
from stackfix.render.export.subject import Subject, commented, heading

_BODY = """\
$ErrorActionPreference = 'Stop'
Set-StrictMode -Version 2.0
$unfinished = '.stackfix-bootstrap-unfinished'
$mark = '.stackfix-bootstrap'

function Stop-WithHint([string] $Message, [string] $Hint, [int] $Code) {
  [Console]::Error.WriteLine("error: $Message")
  if ($Hint) { [Console]::Error.WriteLine("hint: $Hint") }
  exit $Code
}

# Whether a command ends well and without a word on the screen. The Store's python.exe that only opens the Store does not.
function Test-Command([string] $File, [string[]] $Words) {
  $before = $ErrorActionPreference
  $ErrorActionPreference = 'Continue'
  try { & $File @Words *> $null; return ($LASTEXITCODE -eq 0) } catch { return $false } finally { $ErrorActionPreference = $before }
}

if (-not $Venv) { $Venv = Join-Path (Get-Location).Path "$name-env" }
if (-not [IO.Path]::IsPathRooted($Venv)) { $Venv = Join-Path (Get-Location).Path $Venv }
if ($env:OS -ne 'Windows_NT' -or $env:PROCESSOR_ARCHITECTURE -ne 'AMD64') {
  Stop-WithHint "this set is for $platform, and this machine or this PowerShell is another one" '' 1
}
if ($driver) {
  $found = ''
  if (Get-Command nvidia-smi -ErrorAction SilentlyContinue) {
    $found = [string] (& nvidia-smi '--query-gpu=driver_version' '--format=csv,noheader' | Select-Object -First 1)
  }
  if ($found -match '^\\d+(\\.\\d+)+$') {
    if ([version] $found -lt [version] $driver) {
      Stop-WithHint "the NVIDIA driver is $found here, and this set needs $driver" "install a newer driver, or export a set for this one: stackfix export --driver $found" 1
    }
  } else {
    [Console]::Error.WriteLine("no NVIDIA driver was found here; the set needs $driver or newer to run on a GPU")
  }
}

$exe = Join-Path $Venv 'Scripts\\python.exe'
$markFile = Join-Path $Venv $mark
if ((Test-Path -LiteralPath $markFile) -and ((Get-Content -LiteralPath $markFile -First 1) -eq $digest) -and (Test-Command $exe @('-c', 'pass'))) {
  Write-Output "$Venv is there already, and is this set"
  exit 0
}
if (Test-Path -LiteralPath (Join-Path $Venv $unfinished)) {
  [Console]::Error.WriteLine("removing what an earlier run left unfinished at $Venv")
  Remove-Item -LiteralPath $Venv -Recurse -Force
}
if (Test-Path -LiteralPath $Venv) {
  Stop-WithHint "$Venv is there, and this script did not make it" 'name another folder: -Venv DIR' 2
}

# What installs: uv makes an environment of any Python; else a Python that brings pip along.
$uv = Get-Command uv -CommandType Application -ErrorAction SilentlyContinue | Select-Object -First 1
$question = "import sys, struct, venv, ensurepip; raise SystemExit(sys.version_info[:2] != ($($python.Replace('.', ', '))) or struct.calcsize('P') != 8)"
$interpreter = $null
foreach ($try in @(@('py', "-$python"), @("python$python"), @('python3'), @('python'))) {
  $words = @($try | Select-Object -Skip 1) + @('-c', $question)
  if ((Get-Command $try[0] -CommandType Application -ErrorAction SilentlyContinue) -and (Test-Command $try[0] $words)) { $interpreter = $try; break }
}
if (-not $uv -and -not $interpreter) {
  Stop-WithHint "there is no Python $python that can make environments, and no uv" "winget install --exact --id Python.Python.$python" 3
}

$work = Join-Path ([IO.Path]::GetTempPath()) ('stackfix-' + [Guid]::NewGuid().ToString('N'))
$utf8 = New-Object System.Text.UTF8Encoding $false
$done = $false
New-Item -ItemType Directory -Path $work | Out-Null
try {
  $listed = Join-Path $work 'requirements.txt'
  [IO.File]::WriteAllText($listed, $requirements + "`n", $utf8)
  New-Item -ItemType Directory -Path $Venv -Force | Out-Null
  [IO.File]::WriteAllText((Join-Path $Venv $unfinished), '', $utf8)
  [Console]::Error.WriteLine("making ${Venv}: $packages packages, $download MB to download")
  $ErrorActionPreference = 'Continue'
  if ($uv) {
    $asked = $python
    & $uv.Source venv --quiet --no-project --allow-existing --python $asked $Venv
    if ($LASTEXITCODE -eq 0) { & $uv.Source pip install --python $exe --no-deps --require-hashes -r $listed }
  } else {
    $words = @($interpreter | Select-Object -Skip 1) + @('-m', 'venv', $Venv)
    & $interpreter[0] @words
    if ($LASTEXITCODE -eq 0) { & $exe -m pip install --disable-pip-version-check --no-compile --no-deps --require-hashes -r $listed }
  }
  $code = $LASTEXITCODE
  $ErrorActionPreference = 'Stop'
  if ($code -ne 0) {
    Stop-WithHint 'the set could not be installed; what the installer says stands above' 'check the network, the proxy (HTTPS_PROXY) and the index (PIP_INDEX_URL, UV_DEFAULT_INDEX), then run this again' 3
  }
  foreach ($file in $added.Keys) {
    [IO.File]::WriteAllText((Join-Path $Venv "Lib\\site-packages\\$file"), $added[$file] + "`n", $utf8)
  }
  [IO.File]::WriteAllText($markFile, $digest + "`n", $utf8)
  Remove-Item -LiteralPath (Join-Path $Venv $unfinished) -Force
  $done = $true
} finally {
  Remove-Item -LiteralPath $work -Recurse -Force -ErrorAction SilentlyContinue
  if (-not $done -and (Test-Path -LiteralPath $Venv)) { Remove-Item -LiteralPath $Venv -Recurse -Force }
}
Write-Output "$Venv is ready; stackfix validate --venv $Venv proves that it works"
"""


def bootstrap_ps1(subject: Subject) -> str:
    """Return the whole script, in ASCII: PowerShell 5.1 reads a file without a mark in the machine's code page."""
    lock = subject.lock
    listed = "\n".join([*file_lines(subject), *requirement_lines(subject)])
    digest = hashlib.sha256("\n".join([listed, *subject.added.values()]).encode()).hexdigest()
    said = {
        "name": subject.name,
        "platform": lock.platform,
        "python": lock.python,
        "driver": subject.driver_floor,
        "packages": str(len(lock.packages)),
        "download": str(round(lock.download_bytes / 1e6)),
        "digest": digest,
    }
    lines = [
        *commented(heading(subject, "bootstrap-ps1")),
        "# usage: powershell -ExecutionPolicy Bypass -File bootstrap.ps1 [-Venv DIR]",
        "param([string] $Venv = '')",
        "",
        *(f"${key} = {_quoted(value)}" for key, value in said.items()),
        f"$requirements = {_here(listed)}",
        "$added = @{}",
        *(f"$added[{_quoted(name)}] = {_here(text)}" for name, text in subject.added.items()),
        "",
        *_BODY.rstrip("\n").split("\n"),
    ]
    text = "\n".join(lines) + "\n"
    return text.encode("ascii", "replace").decode("ascii")


def _quoted(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _here(text: str) -> str:
    """Return a literal here-string; no line of what goes in may start with its end."""
    if any(line.startswith("'@") for line in text.split("\n")):
        raise ValueError(text)
    return f"@'\n{text.rstrip()}\n'@"
