# A client, and a processor, in Ruby with Debian's grpc: what test_other_clients.py asks of them.
#
#   client.rb client ADDRESS NAMESPACE      drives machines, and prints a line of JSON for each thing
#   client.rb processor                     serves on a free port, which it prints

require "json"
require "grpc"
require "progressor/v1/automaton_pb"
require "progressor/v1/processor_pb"

V1 = Progressor::V1

module Automaton
  class Service
    include GRPC::GenericService
    self.marshal_class_method = :encode
    self.unmarshal_class_method = :decode
    self.service_name = "progressor.v1.Automaton"
    rpc :Start, V1::StartRequest, V1::StartResponse
    rpc :Call, V1::CallRequest, V1::CallResponse
    rpc :Notify, V1::NotifyRequest, V1::NotifyResponse
    rpc :Get, V1::GetRequest, V1::GetResponse
  end
  Stub = Service.rpc_stub_class
end

module Processor
  class Service
    include GRPC::GenericService
    self.marshal_class_method = :encode
    self.unmarshal_class_method = :decode
    self.service_name = "progressor.v1.Processor"
    rpc :ProcessSignal, V1::ProcessSignalRequest, V1::ProcessSignalResponse
    rpc :ProcessCall, V1::ProcessCallRequest, V1::ProcessCallResponse
    rpc :ProcessRepair, V1::ProcessRepairRequest, V1::ProcessRepairResponse
  end

  # Appends what it was given, and answers a call with that, backwards.
  class Mirror < Service
    def process_signal(request, _call)
      V1::ProcessSignalResponse.new(change: change(request.signal.kind.to_s))
    end

    def process_call(request, call)
      raise GRPC::InvalidArgument.new("not this one") if request.args == "no"
      sleep 5 if request.args == "slow"
      V1::ProcessCallResponse.new(
        response: request.args.reverse, change: change(request.args.byteslice(0, 100)))
    end

    private

    def change(text)
      V1::StateChange.new(events: [V1::Content.new(data: text.b)])
    end
  end
end

def tell(what, value) = puts(JSON.generate({ what: what, value: value }))

def refused(what)
  yield
  tell(what, "nothing")
rescue GRPC::BadStatus => error
  status = error.to_rpc_status
  details = status ? status.details.map(&:type_url) : []
  tell(what, { code: error.code, text: error.details, details: details })
end

def client(address, namespace)
  limits = { "grpc.max_receive_message_length" => -1, "grpc.max_send_message_length" => -1 }
  stub = Automaton::Stub.new(address, :this_channel_is_insecure, channel_args: limits, timeout: 20)
  stub.start(V1::StartRequest.new(namespace: namespace, id: "ruby", args: "a"))
  called = stub.call(V1::CallRequest.new(namespace: namespace, id: "ruby", args: "drawer"))
  tell("called", called.response)
  large = "x" * 1_000_000
  answer = stub.call(V1::CallRequest.new(namespace: namespace, id: "ruby", args: large))
  tell("large", answer.response == large)
  stub.notify(V1::NotifyRequest.new(namespace: namespace, id: "ruby", args: "n"))
  machine = stub.get(V1::GetRequest.new(namespace: namespace, id: "ruby")).machine
  tell("events", machine.last_event_id >= 3)
  refused("unknown") { stub.get(V1::GetRequest.new(namespace: namespace, id: "none")) }
  refused("refused") { stub.call(V1::CallRequest.new(namespace: namespace, id: "ruby", args: "no")) }
  refused("late") do
    stub.call(V1::CallRequest.new(namespace: namespace, id: "ruby", args: "slow"),
              deadline: Time.now + 0.5)
  end
  running = stub.call(V1::CallRequest.new(namespace: namespace, id: "ruby", args: "slow"),
                      return_op: true)
  caller = Thread.new { refused("cancelled") { running.execute } }
  sleep 0.2
  running.cancel
  caller.join
end

def processor
  server = GRPC::RpcServer.new
  puts server.add_http2_port("127.0.0.1:0", :this_port_is_insecure)
  $stdout.flush
  server.handle(Processor::Mirror)
  server.run
end

case ARGV.shift
when "client" then client(*ARGV)
when "processor" then processor
else abort "client or processor"
end
