#include "modules.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <spawn.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <mutex>
#include <vector>

#include "fatbin.h"
#include "holders.h"

#ifndef PYTHON
#error "PYTHON is the interpreter that runs the translator: build_device.py names it"
#endif

namespace software_gpu {
namespace {

std::recursive_mutex lock;

// FNV-1a: it names files, and keeps no secret.
std::string digest(const std::string &text) {
    uint64_t hash = 14695981039346656037ull;
    for (const unsigned char each : text) hash = (hash ^ each) * 1099511628211ull;
    char out[17];
    std::snprintf(out, sizeof out, "%016llx", static_cast<unsigned long long>(hash));
    return out;
}

int finished(const std::vector<std::string> &words) {
    std::vector<char *> arguments, variables;
    for (const std::string &each : words) arguments.push_back(const_cast<char *>(each.c_str()));
    arguments.push_back(nullptr);
    for (char **each = environ; *each; ++each)  // the translator is no program of the device's
        if (std::strncmp(*each, "LD_", 3) && std::strncmp(*each, "PYTHON", 6)) variables.push_back(*each);
    variables.push_back(nullptr);
    pid_t child = 0;
    if (posix_spawn(&child, arguments[0], nullptr, nullptr, arguments.data(), variables.data())) return -1;
    int status = -1;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    return status;
}

// A file appears whole or not at all, since other processes look for it too.
void keep(const std::string &path, const std::string &text) {
    const std::string part = path + "." + std::to_string(getpid());
    std::ofstream(part) << text;
    std::rename(part.c_str(), path.c_str());
}

}  // namespace

Result open(Module &module) {
    std::lock_guard guard(lock);
    if (!module.opened) {
        module.text = ptx_of(module.image);
        module.digest = digest(module.text);
    }
    module.opened = true;
    return module.text.empty() ? kNoBinaryForGpu : kSuccess;
}

Result get(Module &module, const std::string &name, Function **out) {
    std::lock_guard guard(lock);
    if (const Result error = open(module)) return error;
    auto found = module.functions.find(name);
    if (found == module.functions.end()) {
        if (module.text.find(".entry " + name + "(") == std::string::npos) return kNotFound;
        found = module.functions.emplace(name, new Function{&module, name}).first;
    }
    *out = found->second.get();
    return kSuccess;
}

Result prepare(Function &function) {
    std::lock_guard guard(lock);
    if (function.run || function.error) return function.error;
    const std::string own = own_folder(), cache = own + "kernels/";
    const Module &module = *function.module;
    mkdir(cache.c_str(), 0777);
    const std::string module_file = cache + module.digest + ".ptx";
    const std::string library = cache + module.digest + "-" + digest(function.name) + ".so";
    // two processes that want the same kernel don't both translate it
    const int waited = ::open((library + ".lock").c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0666);
    flock(waited, LOCK_EX);
    if (access(library.c_str(), R_OK) != 0) {
        if (access(module_file.c_str(), R_OK) != 0) keep(module_file, module.text);
        finished({PYTHON, own + "translator/translate_kernel.py", module_file, function.name, library});
    }
    close(waited);
    void *opened = dlopen(library.c_str(), RTLD_NOW | RTLD_LOCAL);
    void *run = opened ? dlsym(opened, "run") : nullptr;
    if (!run) std::fprintf(stderr, "software GPU: %s is not translated\n", function.name.c_str());
    function.run = reinterpret_cast<decltype(function.run)>(run);
    return function.error = run ? kSuccess : kInvalidPtx;
}

}  // namespace software_gpu
