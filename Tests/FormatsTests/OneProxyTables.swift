/// Facts about a latency table, computed once with Python's own unpickler.
struct OneProxyTable: Sendable {
  var name: String
  var first: [Double]
  var min: Double
  var max: Double
  var mean: Double
  /// Cells that the device's compiler rejected, written as -1.
  var invalid: Int
}

let oneProxyTables = [
  OneProxyTable(
    name: "eagle_cpu_855", first: [12.016, 8.927, 9.975], min: 7.497, max: 22.145000000000003,
    mean: 13.458725862931466, invalid: 0),
  OneProxyTable(
    name: "eagle_gpu_855", first: [6.071, 4.871, 3.736], min: 2.994, max: 10.013,
    mean: 5.550090545272637, invalid: 0),
  OneProxyTable(
    name: "eagle_gtx", first: [6.126977205276489, 5.475640058517456, 4.187448024749756],
    min: 3.618820905685425, max: 9.468052387237549,
    mean: 6.161502884086041, invalid: 0),
  OneProxyTable(
    name: "eagle_i7", first: [6.134995222091675, 5.482816696166992, 4.24730658531189],
    min: 3.6922967433929443, max: 9.407368898391724,
    mean: 6.14393842251059, invalid: 0),
  OneProxyTable(
    name: "eagle_jetson", first: [18.611351251602173, 14.696071147918701, 16.793174743652344],
    min: 12.46938943862915, max: 34.01454448699951,
    mean: 21.283558175057948, invalid: 0),
  OneProxyTable(
    name: "eagle_tpu", first: [1.013361930847168, 1.0574314594268799, 0.9182565352495978],
    min: 0.7525146007537842, max: 2.0618345737457275,
    mean: 1.1840792253214003, invalid: 0),
  OneProxyTable(
    name: "rice_edgegpu", first: [5.693049430847168, 3.455324172973633, 5.597476959228516],
    min: 3.3071088790893555, max: 10.812239646911621,
    mean: 6.133042803521512, invalid: 0),
  OneProxyTable(
    name: "rice_edgetpu", first: [-1.0, 0.8035137049992045, 0.7763144220007234], min: -1.0,
    max: 1.9482690400036518,
    mean: 0.8988697030089943, invalid: 259),
  OneProxyTable(
    name: "rice_fpga", first: [5.31536, 3.64816, 3.42096], min: 2.90576, max: 8.67856,
    mean: 5.1245077738869425, invalid: 0),
  OneProxyTable(
    name: "rice_pixel3", first: [18.9483, 10.9348, 9.83464], min: 6.49203, max: 36.7665,
    mean: 18.687395432716357, invalid: 0),
  OneProxyTable(
    name: "rice_raspi4", first: [54.3741377400147, 34.997110620024614, 25.32035848002124],
    min: 19.48483562002366, max: 98.88752099999692,
    mean: 46.83816557671876, invalid: 0),
  OneProxyTable(
    name: "true_630", first: [5.032012609999999, 3.18318675, 2.376203560000001],
    min: 1.9426216199999995, max: 10.248775179999997,
    mean: 4.528723694082041, invalid: 0),
  OneProxyTable(
    name: "true_640", first: [4.12626903, 2.8150118300000013, 2.0919284000000005],
    min: 1.7609667600000003, max: 8.299401730000003,
    mean: 3.751037481335668, invalid: 0),
  OneProxyTable(
    name: "true_a76", first: [15.2742, 10.7663, 6.988729999999999], min: 5.96662, max: 28.9288,
    mean: 13.769293531765884, invalid: 0),
  OneProxyTable(
    name: "true_vpu", first: [3.791, 3.946, 3.926], min: 2.807, max: 6.909,
    mean: 4.741263131565783, invalid: 0),
]
