// swift-tools-version: 6.2
import PackageDescription

// A package of its own: what only measuring needs stays out of the server's graph.
let package = Package(
  name: "progressor-benchmarks",
  platforms: [.macOS(.v15)],
  dependencies: [
    .package(name: "progressor", path: ".."),
    .package(url: "https://github.com/apple/swift-argument-parser", .upToNextMinor(from: "1.8.2")),
    .package(url: "https://github.com/apple/swift-log", .upToNextMinor(from: "1.16.2")),
    .package(url: "https://github.com/apple/swift-nio", .upToNextMinor(from: "2.101.2")),
  ],
  targets: [
    .executableTarget(
      name: "progressor-benchmark",
      dependencies: [
        .product(name: "EmbeddedPostgreSQL", package: "progressor"),
        .product(name: "GRPC", package: "progressor"),
        .product(name: "MachineModel", package: "progressor"),
        .product(name: "PostgreSQL", package: "progressor"),
        .product(name: "ProgressorProto", package: "progressor"),
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "Logging", package: "swift-log"),
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOPosix", package: "swift-nio"),
      ],
      swiftSettings: [.enableUpcomingFeature("InternalImportsByDefault")])
  ]
)
