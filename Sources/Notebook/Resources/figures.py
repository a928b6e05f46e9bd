"""Draws Vega-Lite figures: one JSON request a line on standard input, one JSON answer a line."""

import base64
import json
import sys

import vl_convert


def draw(request):
    spec = json.loads(request["spec"])
    if not isinstance(spec, dict):
        raise ValueError("a Vega-Lite specification is a JSON object")
    spec.pop("usermeta", None)
    # Figures carry their data: nothing is fetched while drawing.
    svg = vl_convert.vegalite_to_svg(spec, config=request["config"], allowed_base_urls=[])
    if len(svg) <= request["limit"]:
        return {"svg": svg}
    png = vl_convert.vegalite_to_png(
        spec, scale=2, config=request["paper"], allowed_base_urls=[]
    )
    return {"png": base64.b64encode(png).decode()}


def main():
    for line in sys.stdin:
        request = json.loads(line)
        try:
            if "spec" in request:
                answer = draw(request)
            else:
                answer = {"bundle": vl_convert.javascript_bundle()}
        except BaseException as error:  # a panic of the library is no Exception
            if isinstance(error, KeyboardInterrupt):
                raise
            answer = {"error": str(error)}
        print(json.dumps(answer), flush=True)


main()
