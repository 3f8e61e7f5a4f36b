// Numbers of cuDNN's interface as far as they are used here, from cudnn_ops.h and cudnn_graph.h of
// cuDNN 9.10.
#pragma once
#include <string>

namespace software_gpu {

enum Status : int {
    kDone = 0,
    kBadParameter = 2000,
    kNotFinalized = 2004,
    kUnsupported = 3000,
    kUnsupportedPattern = 3001,
    kExecutionFailed = 5000,
};

constexpr int kFloat = 0;                                                      // cudnnDataType_t
constexpr int kPoolMaximum = 0, kPoolWithPadding = 1, kPoolMaximumAlways = 3;  // cudnnPoolingMode_t
constexpr int kReduceSum = 0, kReduceMean = 5, kReduceLength = 7;              // cudnnReduceTensorOp_t

enum Descriptor : int {  // cudnnBackendDescriptorType_t
    kEngine = 2,
    kEngineConfiguration = 3,
    kHeuristics = 4,
    kPlan = 5,
    kConvolutionForward = 10,
};

enum Type : int {  // cudnnBackendAttributeType_t
    kTypeHandle = 0,
    kTypeBoolean = 2,
    kTypeInt64 = 3,
    kTypeDouble = 5,
    kTypePointer = 6,
    kTypeNumericalNote = 11,
    kTypeDescriptor = 15,
    kTypeBehaviorNote = 19,
    kTypeInt32 = 23,
    kTypeChar = 24,
};

enum Attribute : int {  // cudnnBackendAttributeName_t
    kConvolutionMode = 101,
    kConvolutionDilations = 102,
    kConvolutionStrides = 103,
    kConvolutionPaddingsAfter = 104,
    kConvolutionPaddingsBefore = 105,
    kHeuristicsMode = 200,
    kHeuristicsGraph = 201,
    kHeuristicsResults = 202,
    kConfigurationEngine = 300,
    kConfigurationIntermediate = 301,
    kConfigurationKnobs = 302,
    kConfigurationWorkspace = 303,
    kConfigurationSharedMemory = 304,
    kPlanConfiguration = 401,
    kPlanWorkspace = 402,
    kPlanText = 405,
    kForwardAlpha = 700,
    kForwardBeta = 701,
    kForwardConvolution = 702,
    kForwardFilter = 703,
    kForwardIn = 704,
    kForwardOut = 705,
    kGraphOperations = 801,
    kTensorType = 901,
    kTensorDimensions = 902,
    kTensorStrides = 903,
    kTensorName = 906,
    kPackNames = 1000,
    kPackPointers = 1001,
    kEngineGraph = 1300,
    kEngineIndex = 1301,
    kEngineKnobs = 1302,
    kEngineNumericalNotes = 1303,
    kEngineLayouts = 1304,
    kEngineBehaviorNotes = 1305,
};

constexpr int kCrossCorrelation = 1;   // cudnnConvolutionMode_t
constexpr int kModeFallback = 2;       // cudnnBackendHeurMode_t
constexpr int kNoteOfTensorCores = 0;  // cudnnBackendNumericalNote_t

int refuse(Status status, const std::string &why);  // keep why for cudnnGetLastErrorString

}  // namespace software_gpu
