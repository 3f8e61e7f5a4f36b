// libcudnn.so.9: graphs of one convolution, through cuDNN's backend interface.
//
// There are two engines, as on a GPU: number 0 adds products in 32 bits, number 1 has the note TENSOR_CORE
// and rounds.
#include <map>
#include <memory>

#include "../driver/cuda_numbers.h"
#include "convolution.h"
#include "cudnn_numbers.h"

namespace software_gpu {
namespace {

constexpr int64_t kExact = 0, kTensorCores = 1;

struct Node;
using Link = std::shared_ptr<Node>;

struct Value {
    int type = 0;
    int64_t count = 0;
    std::vector<unsigned char> bytes;
    std::vector<Link> links;
};

size_t size_of(int type) {
    switch (type) {
        case kTypeHandle:
        case kTypeInt64:
        case kTypeDouble:
        case kTypePointer: return 8;
        case kTypeBoolean:
        case kTypeChar: return 1;
        default: return 4;
    }
}

struct Node {
    int type = 0;
    bool finalized = false;
    std::map<int, Value> values;

    const Value *find(int name) const {
        const auto found = values.find(name);
        return found == values.end() ? nullptr : &found->second;
    }
    Link link(int name) const {
        const Value *value = find(name);
        return value && !value->links.empty() ? value->links[0] : nullptr;
    }
    template <class T>
    std::vector<T> all(int name) const {
        const Value *value = find(name);
        if (!value) return {};
        std::vector<T> out(value->bytes.size() / sizeof(T));
        std::memcpy(out.data(), value->bytes.data(), out.size() * sizeof(T));
        return out;
    }
    template <class T>
    T one(int name, T otherwise) const {
        const auto numbers = all<T>(name);
        return numbers.empty() ? otherwise : numbers[0];
    }
    // alpha and beta come in 32 or in 64 bits
    double real(int name, double otherwise) const {
        const Value *value = find(name);
        return value && value->type == kTypeDouble
                   ? one<double>(name, otherwise)
                   : static_cast<double>(one<float>(name, static_cast<float>(otherwise)));
    }
    template <class T>
    void set(int name, int of, const std::vector<T> &numbers) {
        const auto *from = reinterpret_cast<const unsigned char *>(numbers.data());
        values[name] = {
            of, static_cast<int64_t>(numbers.size()), {from, from + numbers.size() * sizeof(T)}, {}};
    }
    void set_links(int name, const std::vector<Link> &links) {
        values[name] = {kTypeDescriptor, static_cast<int64_t>(links.size()), {}, links};
    }
};

struct Held {  // cudnnBackendDescriptor_t
    Link node;
};

bool plain(const Node &tensor) {
    const auto dimensions = tensor.all<int64_t>(kTensorDimensions),
               strides = tensor.all<int64_t>(kTensorStrides);
    int64_t step = 1;
    for (size_t i = dimensions.size(); i-- > 0; step *= dimensions[i])
        if (dimensions[i] != 1 && strides[i] != step) return false;
    return tensor.one<int>(kTensorType, -1) == kFloat && dimensions.size() == 4;
}

// Read what a graph asks for: one convolution of packed 32-bit pictures; false where it is another.
bool read_graph(const Node &graph, Convolution &out) {
    const Value *operations = graph.find(kGraphOperations);
    if (!operations || operations->links.size() != 1 || operations->links[0]->type != kConvolutionForward)
        return false;
    const Node &forward = *operations->links[0];
    const Link how = forward.link(kForwardConvolution), x = forward.link(kForwardIn),
               w = forward.link(kForwardFilter), y = forward.link(kForwardOut);
    if (!how || !x || !w || !y || !plain(*x) || !plain(*w) || !plain(*y)) return false;
    if (how->one<int>(kConvolutionMode, -1) != kCrossCorrelation) return false;
    if (forward.real(kForwardAlpha, 1) != 1 || forward.real(kForwardBeta, 0) != 0) return false;
    const auto in = x->all<int64_t>(kTensorDimensions), filter = w->all<int64_t>(kTensorDimensions),
               result = y->all<int64_t>(kTensorDimensions);
    const auto before = how->all<int64_t>(kConvolutionPaddingsBefore),
               after = how->all<int64_t>(kConvolutionPaddingsAfter),
               strides = how->all<int64_t>(kConvolutionStrides),
               dilations = how->all<int64_t>(kConvolutionDilations);
    if (before.size() != 2 || after.size() != 2 || strides.size() != 2 || dilations.size() != 2) return false;
    for (size_t i = 0; i < 2; ++i) {
        const int64_t spread = dilations[i] * (filter[2 + i] - 1) + 1;
        if ((in[2 + i] + before[i] + after[i] - spread) / strides[i] + 1 != result[2 + i]) return false;
    }
    out = {in[0],        in[1],      in[2],      in[3],
           filter[0],    filter[2],  filter[3],  before[0],
           before[1],    strides[0], strides[1], dilations[0],
           dilations[1], result[2],  result[3],  in[1] / filter[1]};
    return result[0] == in[0] && result[1] == filter[0];
}

int64_t index_of(const Node &engine) { return engine.one<int64_t>(kEngineIndex, -1); }

void describe_engine(Node &engine) {
    const bool rounds = index_of(engine) == kTensorCores;
    engine.set(kEngineNumericalNotes, kTypeNumericalNote,
               rounds ? std::vector<int>{kNoteOfTensorCores} : std::vector<int>{});
    engine.set(kEngineBehaviorNotes, kTypeBehaviorNote, std::vector<int>{});
    engine.set_links(kEngineKnobs, {});
    engine.set_links(kEngineLayouts, {});
    engine.finalized = true;
}

Link configuration(const Link &graph, int64_t index) {
    const auto engine = std::make_shared<Node>(), made = std::make_shared<Node>();
    engine->type = kEngine;
    engine->set_links(kEngineGraph, {graph});
    engine->set(kEngineIndex, kTypeInt64, std::vector<int64_t>{index});
    describe_engine(*engine);
    made->type = kEngineConfiguration;
    made->set_links(kConfigurationEngine, {engine});
    made->set_links(kConfigurationKnobs, {});
    made->set_links(kConfigurationIntermediate, {});
    made->set(kConfigurationWorkspace, kTypeInt64, std::vector<int64_t>{0});
    made->set(kConfigurationSharedMemory, kTypeInt32, std::vector<int>{0});
    made->finalized = true;
    return made;
}

// The engines for a graph, the likeliest first: tensor cores, and in the mode for all else the exact one.
int advise(Node &heuristics) {
    const Link graph = heuristics.link(kHeuristicsGraph);
    Convolution read;
    if (!graph || !read_graph(*graph, read))
        return refuse(kUnsupportedPattern, "a graph that is not one convolution");
    std::vector<Link> results{configuration(graph, kTensorCores)};
    if (asked_fault().name != "tf32") {
        const bool first = heuristics.one<int>(kHeuristicsMode, 0) == kModeFallback;
        results.insert(first ? results.begin() : results.end(), configuration(graph, kExact));
    }
    heuristics.set_links(kHeuristicsResults, results);
    return kDone;
}

int finish_plan(Node &plan) {
    if (!plan.link(kPlanConfiguration))
        return refuse(kBadParameter, "a plan without an engine's configuration");
    const std::string text = "{}";
    plan.set(kPlanWorkspace, kTypeInt64, std::vector<int64_t>{0});
    plan.set(kPlanText, kTypeChar, std::vector<char>(text.begin(), text.end()));
    return kDone;
}

int execute(const Node &plan, const Node &pack) {
    const Link engine = plan.link(kPlanConfiguration)->link(kConfigurationEngine),
               graph = engine->link(kEngineGraph);
    const Node &forward = *graph->find(kGraphOperations)->links[0];
    const auto names = pack.all<int64_t>(kPackNames);
    const auto pointers = pack.all<float *>(kPackPointers);
    const auto memory = [&](int which) -> float * {
        const auto name = forward.link(which)->one<int64_t>(kTensorName, -1);
        const auto found = std::find(names.begin(), names.end(), name);
        return found == names.end() ? nullptr : pointers[found - names.begin()];
    };
    Convolution read;
    const float *x = memory(kForwardIn), *w = memory(kForwardFilter);
    float *y = memory(kForwardOut);
    if (!x || !w || !y || !read_graph(*graph, read))
        return refuse(kBadParameter, "a convolution without memory");
    convolve(read, x, w, y, index_of(*engine) == kTensorCores);
    return kDone;
}

}  // namespace
}  // namespace software_gpu

using namespace software_gpu;

extern "C" {

int cudnnBackendCreateDescriptor(int type, void **out) {
    auto *made = new Held{std::make_shared<Node>()};
    made->node->type = type;
    *out = made;
    return kDone;
}
int cudnnBackendDestroyDescriptor(Held *made) {
    delete made;
    return kDone;
}
int cudnnBackendSetAttribute(Held *of, int name, int type, int64_t count, const void *data) {
    Value value{type, count, {}, {}};
    if (type == kTypeDescriptor)
        for (int64_t i = 0; i < count; ++i) value.links.push_back(static_cast<Held *const *>(data)[i]->node);
    else if (const auto *from = static_cast<const unsigned char *>(data))
        value.bytes.assign(from, from + count * size_of(type));
    of->node->values[name] = value;
    return kDone;
}
int cudnnBackendGetAttribute(Held *of, int name, int type, int64_t room, int64_t *count, void *data) {
    const Value *value = of->node->find(name);
    if (!value || value->type != type)
        return refuse(kUnsupported, "attribute " + std::to_string(name) + " is not there");
    const int64_t given = data ? std::min(room, value->count) : value->count;
    if (count) *count = type == kTypeDescriptor ? given : value->count;
    if (data && type == kTypeDescriptor)
        for (int64_t i = 0; i < given; ++i) static_cast<Held **>(data)[i]->node = value->links[i];
    else if (data)
        std::memcpy(data, value->bytes.data(), given * size_of(type));
    return kDone;
}
int cudnnBackendFinalize(Held *of) {
    Node &node = *of->node;
    int status = kDone;
    if (node.type == kHeuristics) status = advise(node);
    if (node.type == kPlan) status = finish_plan(node);
    node.finalized = status == kDone;
    return status;
}
int cudnnBackendExecute(void *, Held *plan, Held *pack) {
    if (softwareGpuWork()) return refuse(kExecutionFailed, "the device fails");
    if (!plan->node->finalized) return refuse(kNotFinalized, "the plan was not finalized");
    return execute(*plan->node, *pack->node);
}

}  // extern "C"
