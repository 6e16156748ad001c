// Start GraphiQL against the address this page came from. The token goes into the Headers tab and stays in this page.
"use strict";
const fetcher = GraphiQL.createFetcher({ url: window.location.href.split(/[?#]/)[0] });
ReactDOM.createRoot(document.getElementById("graphiql")).render(
  React.createElement(GraphiQL, {
    fetcher,
    shouldPersistHeaders: false,
    defaultHeaders: '{\n  "Authorization": "Bearer "\n}',
    defaultQuery: "# Paste a token into the Headers tab: customhouse token --as ops-united\n{ __typename }\n",
  }),
);
