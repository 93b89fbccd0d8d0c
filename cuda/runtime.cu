// device.h by the CUDA runtime.
#include "device.h"

#include <cuda_runtime_api.h>

#include <algorithm>
#include <cstring>
#include <deque>
#include <mutex>

#include "hopper/tensor_map.h"

namespace steepest {
namespace cuda {
namespace {

std::string version(int number) { return number == 0 ? "" : std::to_string(number / 1000) + "." + std::to_string(number % 1000 / 10); }

// Throws Failure where a call failed, and forgets the error where it can be forgotten.
void check(cudaError_t status, const char* what) {
  if (status == cudaSuccess) return;
  cudaGetLastError();
  throw Failure(std::string(what) + ": " + cudaGetErrorString(status) + " (" + cudaGetErrorName(status) + ")");
}

struct CudaGraph final : Graph {
  CudaGraph() { check(cudaGraphCreate(&graph, 0), "cudaGraphCreate"); }
  ~CudaGraph() override {
    if (executable != nullptr) cudaGraphExecDestroy(executable);
    cudaGraphDestroy(graph);
  }
  size_t size() const override { return nodes.size(); }

  cudaGraph_t graph = nullptr;
  cudaGraphExec_t executable = nullptr;
  std::vector<cudaGraphNode_t> nodes;
};

class CudaQueue final : public Queue {
 public:
  explicit CudaQueue(Device& device, int index) : Queue(device), index_(index) {
    use();
    check(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "cudaStreamCreate");
    look_for_hopper();
  }
  ~CudaQueue() override {
    cudaSetDevice(index_);  // errors have been told, or nobody is left to hear
    cudaStreamSynchronize(stream_);
    for (cudaEvent_t event : pending_) cudaEventDestroy(event);
    for (cudaEvent_t event : spare_) cudaEventDestroy(event);
    drop_stamps();
    cudaStreamDestroy(stream_);
  }

  std::unique_ptr<Graph> new_graph() override {
    use();
    return std::make_unique<CudaGraph>();
  }

  void run(Graph& graph) override {
    use();
    auto& g = static_cast<CudaGraph&>(graph);
    if (g.nodes.empty()) return;
    instantiate(g);
    check(cudaGraphLaunch(g.executable, stream_), "cudaGraphLaunch");
  }

  TensorMap tensor_map(const void* from, int64_t lines, int64_t bytes, int box) override {
    use();
    TensorMap map;
    if (!make_tensor_map(tensor_map_encoder_, from, lines, bytes, box, map)) throw Failure("cuTensorMapEncodeTiled: the driver refuses the map");
    return map;
  }

  void mark() override {
    use();
    cudaEvent_t event = nullptr;
    if (spare_.empty()) {
      check(cudaEventCreateWithFlags(&event, cudaEventDisableTiming | cudaEventBlockingSync), "cudaEventCreate");
    } else {
      event = spare_.back();
      spare_.pop_back();
    }
    pending_.push_back(event);
    check(cudaEventRecord(event, stream_), "cudaEventRecord");
  }

  void wait(size_t most) override {
    use();
    while (pending_.size() > most) {
      const cudaError_t status = cudaEventSynchronize(pending_.front());
      pass();
      check(status, "the device");
    }
  }

  void finish() override {
    wait(0);
    check(cudaStreamSynchronize(stream_), "the device");
  }

  void stamp() override {
    use();
    cudaEvent_t event = nullptr;
    check(cudaEventCreate(&event), "cudaEventCreate");
    stamps_.push_back(event);
    check(cudaEventRecord(event, stream_), "cudaEventRecord");
  }

  std::vector<double> take_stamps() override {
    finish();
    std::vector<double> times;
    for (cudaEvent_t event : stamps_) {
      float milliseconds = 0;
      cudaEventElapsedTime(&milliseconds, stamps_.front(), event);
      times.push_back(1e6 * static_cast<double>(milliseconds));
    }
    drop_stamps();
    return times;
  }

 private:
  void use() const { check(cudaSetDevice(index_), "cudaSetDevice"); }

  // Once all launches are there.
  static void instantiate(CudaGraph& g) {
    if (g.executable == nullptr) check(cudaGraphInstantiate(&g.executable, g.graph, 0), "cudaGraphInstantiate");
  }

  void look_for_hopper() {
    int major = 0, minor = 0;
    check(cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, index_), "cudaDeviceGetAttribute");
    check(cudaDeviceGetAttribute(&minor, cudaDevAttrComputeCapabilityMinor, index_), "cudaDeviceGetAttribute");
    if (!hopper_wanted() || major != 9 || minor != 0) return;
    tensor_map_encoder_ = tensor_map_encoder();
    hopper = tensor_map_encoder_ != nullptr;
  }

  void pass() {
    spare_.push_back(pending_.front());
    pending_.pop_front();
  }

  void drop_stamps() {
    for (cudaEvent_t event : stamps_) cudaEventDestroy(event);
    stamps_.clear();
  }

  void add(const Launch& launch) override {
    use();
    constexpr size_t kUsualShared = 48 << 10;  // a kernel that wants more says so first
    if (launch.shared > kUsualShared)
      check(cudaFuncSetAttribute(launch.kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, static_cast<int>(launch.shared)), "cudaFuncSetAttribute");
    const dim3 grid(static_cast<unsigned>(launch.grid.x), static_cast<unsigned>(launch.grid.y), static_cast<unsigned>(launch.grid.z));
    void* params[] = {const_cast<void*>(launch.params)};
    if (graph_ == nullptr) {
      check(cudaLaunchKernel(launch.kernel, grid, dim3(static_cast<unsigned>(launch.threads)), params, launch.shared, stream_), "cudaLaunchKernel");
      return;
    }
    cudaKernelNodeParams node = {};
    node.func = const_cast<void*>(launch.kernel);
    node.gridDim = grid;
    node.blockDim = dim3(static_cast<unsigned>(launch.threads));
    node.sharedMemBytes = static_cast<unsigned>(launch.shared);
    node.kernelParams = params;
    auto& g = static_cast<CudaGraph&>(*graph_);
    if (replacing_) {
      instantiate(g);
      check(cudaGraphExecKernelNodeSetParams(g.executable, g.nodes[next_place()], &node), "cudaGraphExecKernelNodeSetParams");
      return;
    }
    cudaGraphNode_t made;
    const cudaGraphNode_t* before = g.nodes.empty() ? nullptr : &g.nodes.back();
    check(cudaGraphAddKernelNode(&made, g.graph, before, before == nullptr ? 0 : 1, &node), "cudaGraphAddKernelNode");
    g.nodes.push_back(made);
  }

  const int index_;
  cudaStream_t stream_ = nullptr;
  decltype(&cuTensorMapEncodeTiled) tensor_map_encoder_ = nullptr;
  std::deque<cudaEvent_t> pending_;
  std::vector<cudaEvent_t> spare_, stamps_;
};

class CudaDevice final : public Device {
 public:
  explicit CudaDevice(int index) : Device("cuda:" + std::to_string(index)), index_(index) {
    use();
    check(cudaStreamCreateWithFlags(&copies_, cudaStreamNonBlocking), "cudaStreamCreate");
  }

  // Large arrays by way of two pinned buffers: one fills while the other is on its way.
  void write(void* to, const void* from, size_t bytes) override {
    const std::lock_guard<std::mutex> lock(writing_);
    use();
    if (bytes <= kStage || !stage()) return copy(to, from, bytes, cudaMemcpyHostToDevice);
    for (size_t at = 0, i = 0; at < bytes; at += kStage, i++) {
      const Stage& s = stages_[i % 2];
      const size_t piece = std::min(kStage, bytes - at);
      check(cudaEventSynchronize(s.sent), "cudaMemcpy");
      std::memcpy(s.data, static_cast<const char*>(from) + at, piece);
      check(cudaMemcpyAsync(static_cast<char*>(to) + at, s.data, piece, cudaMemcpyHostToDevice, copies_), "cudaMemcpy");
      check(cudaEventRecord(s.sent, copies_), "cudaEventRecord");
    }
    check(cudaStreamSynchronize(copies_), "cudaMemcpy");
  }
  void read(void* to, const void* from, size_t bytes) override { copy(to, from, bytes, cudaMemcpyDeviceToHost); }
  std::unique_ptr<Queue> new_queue() override { return std::make_unique<CudaQueue>(*this, index_); }

 private:
  void use() const { check(cudaSetDevice(index_), "cudaSetDevice"); }

  void* grant(size_t bytes) override {
    use();
    void* memory = nullptr;
    const cudaError_t status = cudaMalloc(&memory, bytes == 0 ? 1 : bytes);
    if (status == cudaErrorMemoryAllocation) {
      cudaGetLastError();
      return nullptr;
    }
    check(status, "cudaMalloc");
    cudaError_t cleared = cudaMemsetAsync(memory, 0, bytes, copies_);
    if (cleared == cudaSuccess) cleared = cudaStreamSynchronize(copies_);
    if (cleared != cudaSuccess) cudaFree(memory);
    check(cleared, "cudaMemset");
    return memory;
  }

  void take_back(void* memory) noexcept override {
    cudaSetDevice(index_);
    cudaFree(memory);
  }

  uint64_t free_bytes() override {
    size_t free = 0, total = 0;
    cudaMemGetInfo(&free, &total);
    return free;
  }

  void copy(void* to, const void* from, size_t bytes, cudaMemcpyKind kind) {
    if (bytes == 0) return;
    use();
    check(cudaMemcpyAsync(to, from, bytes, kind, copies_), "cudaMemcpy");
    check(cudaStreamSynchronize(copies_), "cudaMemcpy");
  }

  // Whether there are pinned buffers; they are made once, and done without where the system grants none.
  bool stage() {
    for (Stage& s : stages_) {
      if (s.data != nullptr) continue;
      if (cudaEventCreateWithFlags(&s.sent, cudaEventDisableTiming) != cudaSuccess || cudaMallocHost(&s.data, kStage) != cudaSuccess) {
        cudaGetLastError();
        s.data = nullptr;
        return false;
      }
    }
    return true;
  }

  static constexpr size_t kStage = 1 << 20;
  struct Stage {
    void* data = nullptr;
    cudaEvent_t sent = nullptr;
  };

  const int index_;
  cudaStream_t copies_ = nullptr;
  std::mutex writing_;
  Stage stages_[2];
};

}  // namespace

Probe probe() {
  Probe probe{true, "", "", {}, ""};
  int driver = 0, runtime = 0, count = 0;
  cudaRuntimeGetVersion(&runtime);
  cudaDriverGetVersion(&driver);
  probe.runtime = version(runtime);
  probe.driver = version(driver);
  const cudaError_t status = driver == 0 ? cudaErrorInsufficientDriver : cudaGetDeviceCount(&count);
  if (driver == 0) {
    probe.reason = "no CUDA driver is installed";
  } else if (status == cudaErrorInsufficientDriver) {
    probe.reason = "the CUDA driver (" + probe.driver + ") is older than this build's runtime (" + probe.runtime + ")";
  } else if (status != cudaSuccess) {
    probe.reason = cudaGetErrorString(status);
  } else if (count == 0) {
    probe.reason = "no CUDA device was found";
  }
  for (int i = 0; i < count; i++) {
    cudaDeviceProp properties;
    if (cudaGetDeviceProperties(&properties, i) != cudaSuccess) continue;
    probe.devices.push_back({properties.name, std::to_string(properties.major) + "." + std::to_string(properties.minor),
                             static_cast<uint64_t>(properties.totalGlobalMem), properties.multiProcessorCount});
  }
  cudaGetLastError();  // leaves no error behind
  return probe;
}

Device& Device::at(int index) {
  static std::mutex mutex;
  static auto* devices = new std::vector<std::unique_ptr<CudaDevice>>;
  const std::lock_guard<std::mutex> lock(mutex);
  const auto place = static_cast<size_t>(index);
  if (place < devices->size() && (*devices)[place]) return *(*devices)[place];
  const Probe found = probe();
  if (found.devices.empty()) throw NoDevice(found.reason);
  if (index < 0 || place >= found.devices.size())
    throw NoDevice("there is no cuda:" + std::to_string(index) + " among " + std::to_string(found.devices.size()) + " devices");
  const std::string& capability = found.devices[place].capability;
  if (std::stoi(capability) < 8) throw NoDevice(found.devices[place].name + " has compute capability " + capability + ", but 8.0 or more is needed");
  if (devices->size() <= place) devices->resize(place + 1);
  (*devices)[place] = std::make_unique<CudaDevice>(index);
  return *(*devices)[place];
}

}  // namespace cuda
}  // namespace steepest
