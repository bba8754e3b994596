// A client, and a processor, in C++ with Debian's grpc: what test_other_clients.py asks of them.
//
//   client client ADDRESS NAMESPACE   drives machines, and prints a line of JSON for each thing
//   client processor                  serves on a free port, which it prints, and prints the id of
//                                     each machine whose call waits

#include <algorithm>
#include <chrono>
#include <iostream>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include <grpcpp/grpcpp.h>

#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "progressor/v1/automaton.grpc.pb.h"
#include "progressor/v1/processor.grpc.pb.h"

using namespace progressor::v1;

namespace {

std::string quoted(const std::string &text) {
  std::string quoted = "\"";
  for (char character : text) {
    if (character == '"' || character == '\\') quoted += '\\';
    quoted += character;
  }
  return quoted + "\"";
}

std::string number(int64_t value) { return std::to_string(value); }

std::string yes(bool value) { return value ? "true" : "false"; }

void tell(const std::string &what, const std::string &json) {
  std::cout << "{\"what\": " << quoted(what) << ", \"value\": " << json << "}" << std::endl;
}

template <typename Items, typename Text>
std::string list(const Items &items, Text text) {
  std::string list;
  for (const auto &item : items) list += (list.empty() ? "" : ", ") + text(item);
  return "[" + list + "]";
}

// The code, the text and the details that say where an error is from.
std::string described(const grpc::Status &status) {
  google::rpc::Status rich;
  rich.ParseFromString(status.error_details());
  auto reason = [](const google::protobuf::Any &detail) {
    google::rpc::ErrorInfo info;
    return quoted(detail.UnpackTo(&info) ? info.domain() + " " + info.reason() : detail.type_url());
  };
  return "{\"code\": " + number(status.error_code()) +
         ", \"text\": " + quoted(status.error_message()) + ", \"same\": " +
         yes(rich.code() == status.error_code() && rich.message() == status.error_message()) +
         ", \"details\": " + list(rich.details(), reason) + "}";
}

// Appends what it was given, and answers a call with that, backwards.
class Mirror final : public Processor::Service {
  grpc::Status ProcessSignal(grpc::ServerContext *, const ProcessSignalRequest *request,
                             ProcessSignalResponse *response) override {
    const Signal &signal = request->signal();
    append(response->mutable_change(), signal.has_init()           ? "init"
                                       : signal.has_notification() ? signal.notification().args()
                                                                   : "timeout");
    return grpc::Status::OK;
  }

  grpc::Status ProcessCall(grpc::ServerContext *context, const ProcessCallRequest *request,
                           ProcessCallResponse *response) override {
    const std::string &args = request->args();
    if (args == "no") return refusal();
    if (args == "slow") wait(context, request->machine().id());
    if (args == "metadata") {
      auto found = context->client_metadata().find("progressor-attempt");
      auto left = context->deadline() - std::chrono::system_clock::now();
      bool is_soon = left > std::chrono::seconds(0) && left < std::chrono::minutes(2);
      response->set_response(std::string(found->second.data(), found->second.size()) +
                             (is_soon ? " soon" : " late"));
    } else {
      response->set_response(std::string(args.rbegin(), args.rend()));
    }
    append(response->mutable_change(), args.substr(0, 100));
    return grpc::Status::OK;
  }

  static void append(StateChange *change, const std::string &text) {
    change->add_events()->set_data(text);
  }

  static grpc::Status refusal() {
    google::rpc::ErrorInfo info;
    info.set_domain("mirror");
    info.set_reason("NOT_THIS_ONE");
    google::rpc::Status rich;
    rich.set_code(grpc::StatusCode::INVALID_ARGUMENT);
    rich.set_message("not this one");
    rich.add_details()->PackFrom(info);
    return grpc::Status(grpc::StatusCode::INVALID_ARGUMENT, rich.message(),
                        rich.SerializeAsString());
  }

  // Until the server gives the call up.
  static void wait(grpc::ServerContext *context, const std::string &machine) {
    std::cout << machine << std::endl;
    while (!context->IsCancelled()) std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
};

class Client {
public:
  Client(const std::string &address, std::string name) : name_(std::move(name)) {
    grpc::ChannelArguments limits;
    limits.SetMaxReceiveMessageSize(-1);
    stub_ = Automaton::NewStub(
        grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), limits));
  }

  void run() {
    start("cpp");
    start("waits");
    tell("called", quoted(answer("drawer")));
    tell("metadata", quoted(answer("metadata")));
    std::string large(1'000'000, 'x');
    tell("large", yes(answer(large) == large));
    tell("packed", yes(answer(large, GRPC_COMPRESS_GZIP) == large));
    NotifyRequest notify;
    notify.set_namespace_(name_);
    notify.set_id("cpp");
    notify.set_args("told");
    NotifyResponse notified;
    grpc::ClientContext context;
    tell("notified", yes(stub_->Notify(&context, notify, &notified).ok()));
    tell("unknown", described(get("none").first));
    tell("refused", described(call("cpp", "no").first));
    tell("late", described(call("cpp", "slow", GRPC_COMPRESS_NONE, 500).first));
    cancel();
    tell("events", events());
  }

private:
  std::string name_;
  std::unique_ptr<Automaton::Stub> stub_;

  static void limit(grpc::ClientContext &context, int milliseconds = 20'000) {
    context.set_deadline(std::chrono::system_clock::now() +
                         std::chrono::milliseconds(milliseconds));
  }

  void start(const std::string &id) {
    StartRequest request;
    request.set_namespace_(name_);
    request.set_id(id);
    StartResponse response;
    grpc::ClientContext context;
    limit(context);
    tell("started", yes(stub_->Start(&context, request, &response).ok()));
  }

  CallRequest request(const std::string &id, const std::string &args) {
    CallRequest request;
    request.set_namespace_(name_);
    request.set_id(id);
    request.set_args(args);
    return request;
  }

  std::pair<grpc::Status, CallResponse> call(
      const std::string &id, const std::string &args,
      grpc_compression_algorithm packed = GRPC_COMPRESS_NONE, int milliseconds = 20'000) {
    CallResponse response;
    grpc::ClientContext context;
    limit(context, milliseconds);
    context.set_compression_algorithm(packed);
    grpc::Status status = stub_->Call(&context, request(id, args), &response);
    return {status, response};
  }

  std::string answer(const std::string &args,
                     grpc_compression_algorithm packed = GRPC_COMPRESS_NONE) {
    return call("cpp", args, packed).second.response();
  }

  std::pair<grpc::Status, GetResponse> get(const std::string &id) {
    GetRequest request;
    request.set_namespace_(name_);
    request.set_id(id);
    GetResponse response;
    grpc::ClientContext context;
    limit(context);
    grpc::Status status = stub_->Get(&context, request, &response);
    return {status, response};
  }

  // A call that is given up when a line comes on standard input.
  void cancel() {
    grpc::ClientContext context;
    limit(context);
    std::thread giver([&context] {
      std::string line;
      std::getline(std::cin, line);
      context.TryCancel();
    });
    CallResponse response;
    tell("cancelled", described(stub_->Call(&context, request("waits", "slow"), &response)));
    giver.join();
  }

  std::string events() {
    auto [status, response] = get("cpp");
    if (!status.ok()) return described(status);
    return list(response.machine().history(),
                [](const Event &event) { return quoted(event.body().data().substr(0, 20)); });
  }
};

int serve() {
  Mirror mirror;
  int port = 0;
  grpc::ServerBuilder builder;
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
  builder.SetMaxReceiveMessageSize(-1);
  builder.RegisterService(&mirror);
  auto server = builder.BuildAndStart();
  std::cout << port << std::endl;
  server->Wait();
  return 0;
}

}  // namespace

int main(int count, char **arguments) {
  std::string role = count > 1 ? arguments[1] : "";
  if (role == "client" && count == 4) {
    Client(arguments[2], arguments[3]).run();
    return 0;
  }
  if (role == "processor") return serve();
  std::cerr << "client ADDRESS NAMESPACE, or processor\n";
  return 64;
}
