import ArgumentParser
import MachineModel
import ProgressorProto
import ProgressorServer

/// `progressor status`: the nodes of a cluster, and their database.
struct StatusCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "status", abstract: "Show the nodes of the cluster and their database.",
    discussion: """
      A node whose LEASE is over does nothing any more; it is shown until another one has taken \
      its shards. A shard that no living node owns stands still. * marks the node that answered.
      """)

  @OptionGroup var client: ClientOptions

  func run() async throws {
    try await Output.reportingErrors(json: client.json) {
      let response = try await Client.with(client) { client in
        try await client.call(
          "progressor.v1.Cluster", "Status", ClusterStatusRequest(), repeatability: .read,
          as: ClusterStatusResponse.self)
      }
      if client.json {
        Output.print(ClusterOutput.json(response.state))
      } else {
        let width = TextTable.terminalWidth()
        for line in ClusterOutput.lines(response.state, now: NodeClock().now().wall, width: width) {
          Output.print(line)
        }
      }
    }
  }
}
