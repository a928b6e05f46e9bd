public import StageManifest
public import StructuredValue

/// The JSON Schema of pipeline files (draft 2020-12), from the same lists of keys that the reader
/// uses, with the parameters of each plugin.
public enum PipelineSchema {
  public static func json(manifests: [Manifest]) -> Value {
    let sorted = manifests.sorted { $0.name < $1.name }
    return [
      "$schema": "https://json-schema.org/draft/2020-12/schema",
      "title": "A pipeline", "type": "object", "required": ["pipeline"],
      "additionalProperties": false,
      "properties": properties(
        PipelineReader.keys,
        [
          "pipeline": ["const": "v1"], "name": text, "title": text,
          "authors": textList, "params": ["type": "object"],
          "profiles": ["type": "object", "additionalProperties": ["type": "object"]],
          "include": textList, "seed": ["type": ["integer", "string"]], "salt": text,
          "datasets": ["type": "object"],
          "cells": ["type": "array", "items": ["anyOf": .list(cells(sorted))]],
        ]),
    ]
  }

  private static let text: Value = ["type": "string"]
  private static let textList: Value = [
    "anyOf": [["type": "string"], ["type": "array", "items": ["type": "string"]]]
  ]
  private static let flag: Value = ["type": "boolean"]
  private static let object: Value = ["type": "object"]

  /// A schema for each key that the reader knows; anything for those without one.
  private static func properties(_ keys: [String], _ known: [String: Value]) -> Value {
    .map(Dictionary(keys.map { ($0, known[$0] ?? [:]) }) { first, _ in first })
  }

  private static func cells(_ manifests: [Manifest]) -> [Value] {
    let claim: Value = [
      "type": "object", "required": ["claim", "measured", "holds"], "additionalProperties": false,
      "properties": [
        "claim": text, "published": [:], "measured": text, "holds": text, "note": text,
      ],
    ]
    let stage: Value = [
      "type": "object", "required": ["stage"], "additionalProperties": false,
      "properties": properties(
        StageCellReader.keys,
        [
          "stage": ["type": "string", "pattern": "^[a-z][a-z0-9_-]*$"],
          "uses": [
            "type": "string",
            "examples": .list(manifests.map { .string("\($0.name)@\($0.version.major)") }),
          ],
          "run": textList, "inputs": object, "outputs": object, "params": object, "matrix": object,
          "foreach": ["type": ["array", "string"]], "resources": object,
          "retry": ["type": ["integer", "object"]], "cache": flag, "salt": text,
          "sandbox": ["enum": ["strict", "off"]], "network": flag, "secrets": textList,
          "env": object, "tools": textList, "needs": textList, "show": ["type": "array"],
          "tags": textList, "description": text, "external": flag,
        ]),
      "allOf": .list(manifests.map(condition)),
    ]
    return [
      cell("text", text), cell("include", textList), claim, stage,
    ]
  }

  private static func cell(_ key: String, _ schema: Value) -> Value {
    [
      "type": "object", "required": [.string(key)], "additionalProperties": false,
      "properties": .map([key: schema]),
    ]
  }

  /// The parameters and slots of a plugin, for the cells that use it.
  private static func condition(_ manifest: Manifest) -> Value {
    func names(_ keys: some Sequence<String>) -> Value {
      [
        "type": "object", "additionalProperties": false,
        "properties": .map(Dictionary(keys.map { ($0, [:]) }) { first, _ in first }),
      ]
    }
    return [
      "if": [
        "required": ["uses"],
        "properties": ["uses": ["const": .string("\(manifest.name)@\(manifest.version.major)")]],
      ],
      "then": [
        "properties": [
          "params": manifest.parameters.jsonSchema, "inputs": names(manifest.inputs.keys),
          "outputs": names(manifest.outputs.keys),
        ]
      ],
    ]
  }
}
